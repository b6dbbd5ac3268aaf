package words_test

import (
	"testing"
	"time"

	. "kitekey/ui/words"
)

func TestMoment_HasTheDateUnlessItIsToday(t *testing.T) {
	now := time.Date(2026, 11, 29, 23, 59, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now:                      "23:59:00",
		now.Add(-23 * time.Hour): "00:59:00",
		now.Add(2 * time.Minute): "30 Nov 00:01:00",
	} {
		if got := Moment(at, now); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
}

func TestLatency_IsAtLeastAMillisecond(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1 ms", time.Microsecond: "1 ms", 1500 * time.Millisecond: "1500 ms"} {
		if got := Latency(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

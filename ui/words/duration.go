package words

import (
	"fmt"
	"strings"
	"time"

	"kitekey/kite"
)

// units are the units of durations, the largest first.
var units = []struct {
	seconds int64
	name    string
}{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}

// Duration writes a length of time exactly, to the second: "45 s", "1 min 30 s", "1
// h 30 min", "2 d". It leaves out the sign. It is for settings and for the life
// that was asked for.
func Duration(d time.Duration) string { return inUnits(d, len(units)) }

// About writes a length of time in its largest unit, and the next one if that is
// not zero: "4 min 10 s", "1 h", "2 d 3 h". It is for remaining and past time.
func About(d time.Duration) string { return inUnits(d, 2) }

// inUnits writes d in the first n units that it fills.
func inUnits(d time.Duration, n int) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 0 {
		s = -s
	}
	var parts []string
	for _, u := range units {
		if s >= u.seconds && n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", s/u.seconds, u.name))
			s %= u.seconds
		}
		if parts != nil {
			n--
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// LongLife says what a long life of a token risks, "" when it is not long.
func LongLife(life kite.Lifetime) string {
	if !life.IsLong() {
		return ""
	}
	return fmt.Sprintf("a token that lives %s works that long for anyone who gets hold of it; a shorter life is safer", About(life.Duration()))
}

// Lifetime writes the life that a token got. That is what was asked for, unless the
// gateway gave another: a difference of a second or two is the time on the way.
func Lifetime(got, asked time.Duration) string {
	if (got - asked).Abs() <= 2*time.Second {
		got = asked
	}
	return Duration(got)
}

// Age says how long before now t was, roughly. An age of more than 60 days is a
// date; the zero time is "never".
func Age(t, now time.Time) string {
	age, ago := age(t, now)
	if ago {
		age += " ago"
	}
	return age
}

// ShortAge is [Age] without "ago", for a narrow column.
func ShortAge(t, now time.Time) string {
	age, _ := age(t, now)
	return age
}

// age reports with ago whether " ago" can follow the age.
func age(t, now time.Time) (age string, ago bool) {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never", false
	case d < time.Minute:
		return "just now", false
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes())), true
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours())), true
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours()/24)), true
	}
	return t.Local().Format("2 Jan 2006"), false
}

// TimeOfDay writes a moment of today, to the second, by the local clock.
func TimeOfDay(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// Moment is [TimeOfDay], with the date if that is not now's.
func Moment(t, now time.Time) string {
	if t.Local().Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return TimeOfDay(t)
	}
	return t.Local().Format("2 Jan " + time.TimeOnly)
}

// Latency writes how long a reply took: "12 ms", at least "1 ms".
func Latency(d time.Duration) string {
	return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
}

// Countdown writes the remaining time as a clock: 0:07, 4:12, 1:02:03. It rounds
// seconds up, so that 0:01 is the last text before "expired".
func Countdown(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if d > 0 && d%time.Second != 0 {
		s++
	}
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// CountdownByMinute is [Countdown] for a screen that should stay calm: it changes
// once a minute.
func CountdownByMinute(d time.Duration) string {
	switch {
	case d <= time.Minute:
		return "<1 min"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int((d+time.Minute-1)/time.Minute))
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

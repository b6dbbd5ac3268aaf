package words

import (
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/agefile"
	"kitekey/vault/keyring"
)

// An error that the vault makes for a store calls it what the front ends call it.
func TestStore_IsWhatErrorsCallIt(t *testing.T) {
	for _, s := range []vault.Store{keyring.New(), agefile.New(t.TempDir(), nil), vault.NewMemory()} {
		err := vault.CheckItem(s, "key", nil)
		if text, want := err.Error(), Store(s.Name())+" holds"; !strings.HasPrefix(text, want) {
			t.Errorf("%q does not begin with %q", text, want)
		}
	}
}

func TestDuration_RoundsForItsUse(t *testing.T) {
	for d, want := range map[time.Duration][4]string{
		0:                                {"0 s", "0 s", "0:00", "<1 min"},
		time.Millisecond:                 {"0 s", "0 s", "0:01", "<1 min"},
		45 * time.Second:                 {"45 s", "45 s", "0:45", "<1 min"},
		59*time.Second + 1:               {"59 s", "59 s", "1:00", "<1 min"},
		90 * time.Second:                 {"1 min 30 s", "1 min 30 s", "1:30", "2 min"},
		5 * time.Minute:                  {"5 min", "5 min", "5:00", "5 min"},
		3605 * time.Second:               {"1 h 5 s", "1 h", "1:00:05", "1h00m"},
		time.Hour + 2*time.Minute:        {"1 h 2 min", "1 h 2 min", "1:02:00", "1h02m"},
		26*time.Hour + 3*time.Minute:     {"1 d 2 h 3 min", "1 d 2 h", "26:03:00", "26h03m"},
		time.Hour + 59*time.Minute + 5e9: {"1 h 59 min 5 s", "1 h 59 min", "1:59:05", "1h59m"},
	} {
		if got := [4]string{Duration(d), About(d), Countdown(d), CountdownByMinute(d)}; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := About(-90 * time.Second); got != "1 min 30 s" {
		t.Errorf("negative: %q", got)
	}
}

func TestLifetime_IsWhatWasAskedUnlessAnotherWasGiven(t *testing.T) {
	for got, want := range map[time.Duration]string{298 * time.Second: "5 min", 302 * time.Second: "5 min", 30 * time.Second: "30 s"} {
		if words := Lifetime(got, 5*time.Minute); words != want {
			t.Errorf("%v: %q, want %q", got, words, want)
		}
	}
}

func TestAge_SaysHowLongAgo(t *testing.T) {
	now := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1 min ago", 59 * time.Minute: "59 min ago",
		time.Hour: "1 h ago", 24 * time.Hour: "1 d ago", 59 * 24 * time.Hour: "59 d ago",
	} {
		if got := Age(now.Add(-d), now); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := Age(time.Time{}, now); got != "never" {
		t.Errorf("never: %q", got)
	}
	if got := Age(now.AddDate(-1, 0, 0), now); got != now.AddDate(-1, 0, 0).Local().Format("2 Jan 2006") {
		t.Errorf("a year ago: %q", got)
	}
}

func TestClockWarning_FromThirtySecondsOn(t *testing.T) {
	for skew, want := range map[time.Duration]string{
		0: "", 30 * time.Second: "", -30 * time.Second: "",
		31 * time.Second:  "this computer's clock is 31 s behind the gateway's; kitekey allows for it, other programs do not: set the clock",
		-10 * time.Minute: "this computer's clock is 10 min ahead of the gateway's; kitekey allows for it, other programs do not: set the clock",
	} {
		if got := ClockWarning(skew); got != want {
			t.Errorf("%v: %q, want %q", skew, got, want)
		}
		if ClockWrong(skew) != (want != "") {
			t.Errorf("%v: wrong is %v", skew, ClockWrong(skew))
		}
	}
	if got := Clock(-2 * time.Second); got != "clock exact" {
		t.Errorf("2 s: %q", got)
	}
}

func TestTokenStateOf_TurnsLowBeforeTheEnd(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, tt := range []struct {
		life, left time.Duration
		want       TokenState
	}{
		{5 * time.Minute, 61 * time.Second, Fresh}, {5 * time.Minute, 60 * time.Second, Low},
		{5 * time.Minute, 10 * time.Second, Ending}, {5 * time.Minute, 0, Expired}, {5 * time.Minute, -time.Hour, Expired},
		{30 * time.Second, 25 * time.Second, Fresh}, {30 * time.Second, 20 * time.Second, Low},
		{24 * time.Hour, 301 * time.Second, Fresh}, {24 * time.Hour, 5 * time.Minute, Low},
	} {
		info := vault.TokenInfo{Deadline: now.Add(tt.left), ExpiresIn: kite.LifetimeOf(tt.life)}
		if got := TokenStateOf(info, now); got != tt.want {
			t.Errorf("%v of %v left: %s, want %s", tt.left, tt.life, got, tt.want)
		}
	}
	if got := TokenStateOf(vault.TokenInfo{}, now); got != NoToken {
		t.Errorf("no token: %s", got)
	}
	if got := TokenStateOf(vault.TokenInfo{Minted: now.Add(time.Hour), Deadline: now.Add(2 * time.Hour)}, now); got != NoToken {
		t.Errorf("the clock was set back: %s", got)
	}
}

func TestRenewAt_IsATenthWithinBounds(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{
		4 * time.Second: 2 * time.Second, 30 * time.Second: 5 * time.Second, 5 * time.Minute: 30 * time.Second, time.Hour: time.Minute,
	} {
		if got := RenewAt(life); got != want {
			t.Errorf("%v: %v, want %v", life, got, want)
		}
	}
}

func TestSentence_BeginsAndEndsAsOne(t *testing.T) {
	if got := Count(1, "profile") + Count(0, "profile") + Count(2, "token"); got != "1 profile0 profiles2 tokens" {
		t.Error(got)
	}
	for text, want := range map[string]string{"": "", "wait a minute": "Wait a minute.", `"kitekey doctor" says more`: `"kitekey doctor" says more.`, "done?": "Done?",
		"acme/live: refused": "acme/live: refused.", "api_key read": "api_key read.", "this computer's clock": "This computer's clock."} {
		if got := Sentence(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestShortAge_LeavesAgoOut(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		time.Second: "just now", 5 * time.Minute: "5 min", 3 * time.Hour: "3 h", 49 * time.Hour: "2 d",
	} {
		if got := ShortAge(now.Add(-d), now); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

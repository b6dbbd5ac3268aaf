package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/vault"
)

// life is how far a token's life has run.
type life int

const (
	noToken life = iota
	calm         // nothing to think about
	low          // time to think of another one
	ending       // too short for a call that takes a while
	expired
)

// endingAt is the life left from which a token is "ending".
const endingAt = 10 * time.Second

// lowAt is the life left from which a token counts as low: a fifth of what it
// had, at least 20 s and at most 5 min.
func lowAt(whole time.Duration) time.Duration {
	return min(max(whole/5, 20*time.Second), 5*time.Minute)
}

// lifeOf says where a token stands at now.
func lifeOf(t vault.TokenInfo, now time.Time) life {
	left := t.Remaining(now)
	switch {
	case t.Deadline.IsZero():
		return noToken
	case left <= 0 && t.Deadline.After(now): // the clock was set back: the vault will not hand it out
		return noToken
	case left <= 0:
		return expired
	case left <= endingAt:
		return ending
	case left <= lowAt(t.ExpiresIn.Duration()):
		return low
	}
	return calm
}

// word, glyph and paint give each life its own word, shape and colour, so that
// none of the three has to be seen.
func (l life) word() string {
	return [...]string{"no token", "alive", "low", "ending", "expired"}[l]
}

func (l life) glyph(s *styles) string {
	return [...]string{" ", s.glyph.calm, s.glyph.low, s.glyph.ending, s.glyph.expired}[l]
}

func (l life) paint(p *paints) ansi.Style {
	return [...]ansi.Style{p.dim, p.ok, p.warn, p.bad, p.dim}[l]
}

// clock writes a life as people read it: 0:07, 4:12, 1:02:03. A started second
// counts as whole, so that 0:01 is the last thing seen before "expired".
func clock(d time.Duration) string {
	s := int64((max(d, 0) + time.Second - 1) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// roughly is clock for those who asked for a still screen: it changes once a
// minute.
func roughly(d time.Duration) string {
	switch {
	case d <= time.Minute:
		return "<1 min"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int((d+time.Minute-1)/time.Minute))
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// inWords writes a length of time: "5 min", "1 h 30 min", "90 s" as "1 min 30 s".
func inWords(d time.Duration) string {
	d = d.Round(time.Second)
	var parts []string
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.unit
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// lifeWords writes the life a token got: what was asked for, unless the gateway
// gave another; a second goes by on the way.
func lifeWords(got, asked time.Duration) string {
	if (got - asked).Abs() <= 2*time.Second {
		got = asked
	}
	return inWords(got)
}

// ago says how long before now t was, as loosely as people do.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d d ago", int(d.Hours()/24))
	}
	return t.Local().Format("2 Jan 2006")
}

// bar draws the share of life left, width cells wide. As long as anything is
// left at least half a cell is drawn.
func (s *styles) bar(width int, left, whole time.Duration, on, off ansi.Style) string {
	if width <= 0 {
		return ""
	}
	halves := 0
	if whole > 0 && left > 0 {
		// By fractions: nobody knows how long a life a gateway may give.
		halves = max(int(min(float64(left)/float64(whole), 1)*float64(width*2)), 1)
	}
	full := strings.Repeat(s.glyph.full, halves/2)
	if halves%2 == 1 {
		full += s.glyph.half
	}
	return on.Styled(full) + off.Styled(strings.Repeat(s.glyph.empty, width-(halves+1)/2))
}

// bigClock draws digits and colons three rows high, for the one number the eye
// should land on.
func bigClock(text string) [3]string {
	var rows [3]string
	for i, r := range text {
		var d [3]string
		switch {
		case r >= '0' && r <= '9':
			d = digits()[r-'0']
		case r == ':':
			d = [3]string{" ", ":", " "}
		}
		for j := range rows {
			if i > 0 {
				rows[j] += " "
			}
			rows[j] += d[j]
		}
	}
	return rows
}

func digits() [10][3]string {
	return [10][3]string{
		{"┏━┓", "┃ ┃", "┗━┛"},
		{"╺┓ ", " ┃ ", "╺┻╸"},
		{"╺━┓", "┏━┛", "┗━╸"},
		{"╺━┓", " ━┫", "╺━┛"},
		{"╻ ╻", "┗━┫", "  ╹"},
		{"┏━╸", "┗━┓", "╺━┛"},
		{"┏━╸", "┣━┓", "┗━┛"},
		{"╺━┓", "  ┃", "  ╹"},
		{"┏━┓", "┣━┫", "┗━┛"},
		{"┏━┓", "┗━┫", "╺━┛"},
	}
}

// tickMsg is the one heartbeat. There is a single chain of them, re-armed in
// [app.heartbeat] only while something on the screen counts.
type tickMsg struct{}

// heartbeat asks for the next tick, on the second by the wall clock, unless one
// is on its way or nothing counts.
func (a *app) heartbeat() tea.Cmd {
	if a.ticking || !a.counts() {
		return nil
	}
	a.ticking = true
	now := a.o.Now()
	wait := now.Truncate(time.Second).Add(time.Second).Sub(now)
	return a.after(wait, tickMsg{})
}

// counts reports whether anything changes by the second.
func (a *app) counts() bool {
	if a.locked {
		return a.keep.id != ""
	}
	if a.taskShown() || a.clip.until.After(a.now) || a.shown.until.After(a.now) || a.keep.id != "" || a.notice.until.After(a.now) {
		return true
	}
	for i := range a.profiles {
		if a.profiles[i].Token.Unexpired(a.now) {
			return true
		}
	}
	return false
}

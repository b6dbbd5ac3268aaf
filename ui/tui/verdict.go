package tui

import (
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// reportOf makes a report of a mint that failed, as verifying would have.
func reportOf(p *vault.Profile, err error, now time.Time) vault.Report {
	r := vault.Report{Selector: p.Selector, Store: p.Store, Verdict: vault.VerdictOf(err), At: now, KeyHint: p.KeyHint, Err: err}
	var ke *kite.Error
	if errors.As(err, &ke) {
		r.Host, r.Status, r.Message = ke.Host, ke.Status, ke.Message
	}
	return r
}

// verdictDialog says what was found, what it means and what to do next.
type verdictDialog struct {
	pager
	id string
}

func (a *app) openVerdict() tea.Cmd { return a.push(&verdictDialog{id: a.chosen().ID}) }

// troubled reports whether the chosen profile's last verdict wants an explanation.
func (a *app) troubled() bool {
	p := a.chosen()
	return p != nil && p.Verdict != vault.VerdictOK && p.Verdict != vault.VerdictNone
}

func (d *verdictDialog) title() string { return "What was found" }

func (d *verdictDialog) update(a *app, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		p := a.profileByID(d.id)
		switch k.String() {
		case "w":
			a.drop(d)
			return nil
		case "c":
			if p != nil {
				return a.copyReport([]vault.Report{a.reportFor(p)})
			}
		case "v", "r":
			a.drop(d)
			switch {
			case p == nil || !a.choose(p.ID):
				return nil
			case k.String() == "r":
				return a.openRotate()
			}
			return a.verifyOne()
		}
	}
	return d.page(a, d, msg)
}

// reportFor is the last report of a profile; what the index knows when there is
// none from this session.
func (a *app) reportFor(p *vault.Profile) vault.Report {
	if r, ok := a.reports[p.ID]; ok {
		return r
	}
	return vault.Report{Selector: p.Selector, Store: p.Store, Verdict: p.Verdict, At: p.VerdictAt, KeyHint: p.KeyHint}
}

func (d *verdictDialog) lines(a *app, w int) []string {
	p := a.profileByID(d.id)
	if p == nil {
		return []string{"This profile is gone."}
	}
	r := a.reportFor(p)
	shownAs := *p
	shownAs.Verdict = r.Verdict
	glyph, word, paint := a.verdictLook(&shownAs, &a.st.paints)
	name := a.st.strong.Styled(selWords(p.Selector))
	if p.Environment == kite.Live {
		name = a.st.paints.live.Styled(selWords(p.Selector))
	}
	out := []string{a.spread(name, paint.Styled(glyph+" "+word)+a.st.dim.Styled(a.st.glyph.sep+words.Age(r.At, a.now)), w, a.st.glyph.more), ""}
	said := func(name, value string) {
		if value == "" {
			return
		}
		for i, l := range a.wrap(value, w-12) {
			if i > 0 {
				name = ""
			}
			out = append(out, a.st.dim.Styled(a.fit(name, 12, ""))+l)
		}
	}
	means, next := words.Advice(r, words.Keys())
	said("it means", words.Sentence(means))
	out = append(out, "")
	said("next", words.Sentence(next))
	out = append(out, "")
	if r.Host != "" {
		said("asked", r.Host+latencyWords(r.Latency))
	}
	if r.Status != 0 {
		said("answer", fmt.Sprintf("HTTP %d", r.Status))
	}
	if r.Message != "" {
		said("its words", kite.CleanText(r.Message))
	} else if r.Err != nil && r.Verdict != vault.VerdictOK {
		said("details", kite.CleanText(sentence(r.Err)))
	}
	if p.KeyHint != "" {
		said("api_key", "ends in "+p.KeyHint)
	}
	if wrong := words.ClockWarning(r.Skew); wrong != "" {
		said("clock", wrong)
	} else if r.Skew.Abs() > 2*time.Second {
		said("clock", words.Clock(r.Skew))
	}
	return out
}

func latencyWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", %d ms", max(d.Milliseconds(), 1))
}

func (d *verdictDialog) hints(*app) []hint {
	return append([]hint{{"c", "copy a report"}, {"v", "verify again"}, {"r", "rotate"}}, d.pagerHints()...)
}

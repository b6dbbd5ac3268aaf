package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// verdictDialog shows what a verification found, what it means and what to do next.
type verdictDialog struct {
	pager
	id string
}

func (a *app) openVerdict() { a.push(&verdictDialog{id: a.chosen().ID}) }

// troubled reports whether the chosen profile's last verdict needs an explanation.
func (a *app) troubled() bool {
	p := a.chosen()
	return p != nil && p.Verdict != vault.VerdictOK && p.Verdict != vault.VerdictNone
}

func (d *verdictDialog) title() string { return "Verification result" }

func (d *verdictDialog) keys(a *app) []dialogKey {
	// leave closes the dialog and then runs an action on its profile.
	leave := func(then func(*app) tea.Cmd) func() tea.Cmd {
		return func() tea.Cmd {
			a.drop(d)
			if !a.list.choose(d.id) {
				return nil
			}
			return then(a)
		}
	}
	keys := []dialogKey{
		on("c", "c", "copy a report", func() tea.Cmd {
			if p := a.profileByID(d.id); p != nil {
				return a.copyReport("", []vault.Report{a.reportFor(p)})
			}
			return nil
		}),
		on("v", "v", "verify again", leave((*app).verifyOne)),
		on("r", "r", "rotate", leave((*app).openRotate)),
	}
	if p := a.profileByID(d.id); p != nil && a.reportFor(p).Verdict == vault.VerdictRejected && !a.o.SandboxOnly {
		to := p.Elsewhere()
		keys = append(keys, on("e", "e", "try "+words.Environment(to.Environment), func() tea.Cmd {
			a.askElsewhere(*p, to)
			return nil
		}))
	}
	return append(keys, d.pagerKeys(a, d, "w")...)
}

// reasonOf returns in a few words why a verdict is not "works", in the gateway's
// words if it has any.
func reasonOf(r vault.Report) string {
	message := strings.TrimRight(words.Line(r.Message), ".")
	if strings.EqualFold(message, words.Verdict(r.Verdict, r.Store).Word) {
		message = "" // the verdict says it already
	}
	switch {
	case r.Verdict == vault.VerdictOK || r.Verdict == vault.VerdictNone:
		return ""
	case message != "" && r.Status != 0:
		return fmt.Sprintf("%d %s", r.Status, message)
	case message != "":
		return message
	case r.Status != 0:
		return fmt.Sprintf("HTTP %d", r.Status)
	}
	return words.Line(r.Cause)
}

func (d *verdictDialog) lines(a *app, w int) []string {
	p := a.profileByID(d.id)
	if p == nil {
		return []string{"This profile is gone."}
	}
	r := a.reportFor(p)
	shownAs := *p
	shownAs.Verdict = r.Verdict
	glyph, word, paint := a.verdictLook(&shownAs, nil, &a.st.textStyles)
	name := a.st.strong.Styled(a.cutTitle(selWords(p.Selector), w))
	if p.Environment == kite.Live {
		name = a.st.textStyles.live.Styled(a.cutTitle(selWords(p.Selector), w))
	}
	verdict := paint.Styled(glyph+" "+word) + a.st.dim.Styled(a.st.glyph.sep+words.Age(r.At, a.now))
	out := []string{a.spread(name, verdict, w, a.st.glyph.more), ""}
	if a.len(name)+1+a.len(verdict) > w { // the environment is never cut off
		out = []string{name, a.fit(verdict, w, a.st.glyph.more), ""}
	}
	said := func(name, value string) {
		if value == "" {
			return
		}
		for i, l := range a.wrap(value, w-labelWidth) {
			if i > 0 {
				name = ""
			}
			out = append(out, a.st.dim.Styled(a.fit(name, labelWidth, ""))+l)
		}
	}
	// The gateway's words come before ours.
	if r.Message != "" {
		said("gateway says", kite.CleanText(r.Message))
	} else if r.Err != nil && r.Verdict != vault.VerdictOK {
		said("details", errorText(vault.WithoutProfile(p.Selector, r.Err)))
	}
	means, next := words.Advice(r, words.Keys())
	said("meaning", words.Sentence(means))
	out = append(out, "")
	said("next", words.Sentence(next))
	out = append(out, "")
	if r.Status == 0 { // nothing answered that could be fast or slow
		said("host", r.Host)
	} else {
		said("host", r.Host+latencyWords(r.Latency))
		said("status", fmt.Sprintf("HTTP %d", r.Status))
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
	return ", " + words.Latency(d)
}

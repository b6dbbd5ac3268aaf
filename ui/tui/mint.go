package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// mintDialog asks for how long a token should live.
type mintDialog struct {
	basicDialog
	id      string
	sel     vault.Selector
	presets []kite.Lifetime // the profile's default first
	at      int
	input   textinput.Model // free text; it takes precedence over the presets
	noCopy  bool
}

func presets(first kite.Lifetime) []kite.Lifetime {
	usual := []kite.Lifetime{60, 5 * 60, 15 * 60, 60 * 60}
	usual = slices.DeleteFunc(usual, func(l kite.Lifetime) bool { return l == first })
	return append([]kite.Lifetime{first}, usual...)
}

func (a *app) openMint() tea.Cmd {
	p := *a.chosen()
	return a.confirm(handout.Mint, func() tea.Cmd {
		a.push(&mintDialog{id: p.ID, sel: p.Selector, presets: presets(p.ExpiresIn), input: focused(newTextInput("or type: 90s, 300, 1h30m"))})
		return nil
	}, p.Selector)
}

func (d *mintDialog) title() string { return "Mint a token for " + selWords(d.sel) }
func (d *mintDialog) live() bool    { return d.sel.Environment == kite.Live }

// selWords returns a profile's name so that live cannot be missed.
func selWords(s vault.Selector) string {
	return s.Account + " / " + words.Environment(s.Environment)
}

// expiresIn returns the life that was chosen or typed.
func (d *mintDialog) expiresIn() (kite.Lifetime, error) {
	if text := strings.TrimSpace(d.input.Value()); text != "" {
		return kite.ParseLifetime(text)
	}
	return d.presets[d.at], nil
}

func (d *mintDialog) keys(a *app) []dialogKey {
	typed := d.input.Value() != ""
	mint := func(andCopy bool) func() tea.Cmd { return func() tea.Cmd { return d.mint(a, andCopy) } }
	toggleCopy := does(func() { d.noCopy = !d.noCopy })
	var keys []dialogKey
	switch {
	case d.noCopy:
		keys = append(keys, on("enter", "enter", "mint", mint(false)), on("tab shift+tab", "tab", "copy too", toggleCopy))
	case typed: // with text, m is the unit
		keys = append(keys, on("enter", "enter", "mint and copy", mint(true)), on("tab shift+tab", "tab", "mint only", toggleCopy))
	default:
		keys = append(keys, on("enter", "enter", "mint and copy", mint(true)), on("m", "m", "mint only", mint(false)), on("tab shift+tab", "", "", toggleCopy))
	}
	if typed {
		return append(keys, on("esc", "esc", "clear", does(func() { d.input.SetValue("") })))
	}
	if d.noCopy {
		keys = append(keys, on("m", "", "", mint(false)))
	}
	return append(keys,
		on("left h shift+left", "← →", "choose", does(func() { d.at = max(d.at-1, 0) })),
		on("right l shift+right", "", "", does(func() { d.at = min(d.at+1, len(d.presets)-1) })),
		on("esc", "esc", "back", does(func() { a.drop(d) })))
}

// click chooses one of the presets, which are on the second line.
func (d *mintDialog) click(a *app, x, line int) tea.Cmd {
	for i, life := range d.presets {
		w := a.len(a.option(words.Duration(life.Duration()), false, a.st.text)) + 1
		if line == 1 && x < w {
			d.at = i
			d.input.SetValue("")
			break
		}
		x -= w
	}
	return nil
}

func (d *mintDialog) update(_ *app, msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	d.input, cmd = d.input.Update(msg)
	return cmd
}

func (d *mintDialog) mint(a *app, andCopy bool) tea.Cmd {
	life, err := d.expiresIn()
	if err != nil {
		return nil // the dialog shows it already
	}
	return a.agreeToLife(life, d.live(), "mint", func() tea.Cmd {
		p := a.profileByID(d.id)
		a.drop(d)
		if p == nil {
			a.notify(warning, d.sel.String()+" is gone")
			return nil
		}
		as := handout.Form("")
		if andCopy {
			as = handout.Header
		}
		return a.give(p, as, vault.TokenRequest{Fresh: true, ExpiresIn: life})
	})
}

// agreeToLife runs an action that has to do with tokens of a life. An unusual life is
// asked about first, once: a day too many is typed quickly.
func (a *app) agreeToLife(life kite.Lifetime, live bool, yes string, action func() tea.Cmd) tea.Cmd {
	if !life.IsUnusual() || life <= a.agreed {
		return action()
	}
	a.push(&question{
		head: "Tokens that live " + words.About(life.Duration()) + "?", isLive: live,
		text: words.Sentence(words.LongLife(life)), yes: yes, yesKey: "y",
		then: func(a *app) tea.Cmd {
			a.agreed = life
			return action()
		},
	})
	return nil
}

// mintFailed shows the error, and keeps it for the verdict screen.
func (a *app) mintFailed(id string, err error) {
	if p := a.profileByID(id); p != nil {
		if v := vault.VerdictOf(err); v != vault.VerdictNone {
			a.reports[id] = p.ReportOf(err, a.now)
		}
	}
	a.reportError(id, "minting", err)
}

func (d *mintDialog) lines(a *app, w int) []string {
	var row strings.Builder
	typed := d.input.Value() != ""
	for i, life := range d.presets {
		paint := a.st.text
		if typed {
			paint = a.st.dim // typed text takes precedence
		}
		row.WriteString(a.option(words.Duration(life.Duration()), i == d.at && !typed, paint))
		row.WriteString(" ")
	}
	out := []string{a.st.dim.Styled("expires_in"), row.String()}
	small := a.layout.body < 10 // no room for a blank line, nor for more than one remark
	if !small {
		out = append(out, "")
	}
	out = append(out, a.st.accent.Styled("> ")+a.drawInput(d.input, w-2))
	life, err := d.expiresIn()
	switch {
	case err != nil:
		for _, l := range a.wrap(a.st.glyph.warn+" "+err.Error(), w) {
			out = append(out, a.st.warn.Styled(l))
		}
	default:
		then := ", and its header copied"
		if d.noCopy {
			then = ", nothing copied"
		}
		risk := words.LongLife(life)
		if risk == "" || !small {
			out = append(out, a.painted("valid until "+words.Moment(a.now.Add(life.Duration()), a.now)+then, w, a.st.dim)...)
		}
		if risk != "" {
			out = append(out, a.painted(a.st.glyph.warn+" "+risk, w, a.st.warn)...)
		}
	}
	return out
}

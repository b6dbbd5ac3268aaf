package tui

import (
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// mintDialog asks for how long a token should live.
type mintDialog struct {
	id      string
	sel     vault.Selector
	presets []kite.Lifetime // the profile's default first
	at      int
	input   textinput.Model // free text; what is typed wins over the presets
	noCopy  bool
}

func presets(first kite.Lifetime) []kite.Lifetime {
	usual := []kite.Lifetime{60, 5 * 60, 15 * 60, 60 * 60}
	usual = slices.DeleteFunc(usual, func(l kite.Lifetime) bool { return l == first })
	return append([]kite.Lifetime{first}, usual...)
}

func (a *app) openMint() tea.Cmd {
	p := *a.chosen()
	return a.guarded(&p, "mint a token", func() tea.Cmd {
		return a.push(&mintDialog{id: p.ID, sel: p.Selector, presets: presets(p.ExpiresIn), input: focused(newTextInput("or type: 90s, 300, 1h30m"))})
	})
}

func (d *mintDialog) title() string { return "Mint a token for " + selWords(d.sel) }
func (d *mintDialog) live() bool    { return d.sel.Environment == kite.Live }

// selWords names a profile where live must be unmistakable.
func selWords(s vault.Selector) string {
	if s.Environment == kite.Live {
		return s.Account + " / LIVE"
	}
	return s.Account + " / " + string(s.Environment)
}

// expiresIn is what has been chosen or typed.
func (d *mintDialog) expiresIn() (kite.Lifetime, error) {
	if text := strings.TrimSpace(d.input.Value()); text != "" {
		return kite.ParseLifetime(text)
	}
	return d.presets[d.at], nil
}

func (d *mintDialog) update(a *app, msg tea.Msg) tea.Cmd {
	typed := d.input.Value() != ""
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			if typed {
				d.input.SetValue("")
				return nil
			}
			a.drop(d)
			return nil
		case "tab", "shift+tab":
			d.noCopy = !d.noCopy
			return nil
		case "enter":
			return d.mint(a, !d.noCopy)
		case "m":
			if !typed { // after a number it is the unit
				return d.mint(a, false)
			}
		case "left", "h", "shift+left":
			if !typed {
				d.at = max(d.at-1, 0)
				return nil
			}
		case "right", "l", "shift+right":
			if !typed {
				d.at = min(d.at+1, len(d.presets)-1)
				return nil
			}
		}
	}
	var cmd tea.Cmd
	d.input, cmd = d.input.Update(msg)
	return cmd
}

func (d *mintDialog) mint(a *app, andCopy bool) tea.Cmd {
	life, err := d.expiresIn()
	if err != nil {
		return nil // the dialog says so already
	}
	p := a.profileByID(d.id)
	a.drop(d)
	if p == nil {
		return a.say(warning, d.sel.String()+" is gone")
	}
	m := vault.TokenRequest{Fresh: true, ExpiresIn: life}
	if andCopy {
		return a.copyToken(p, asHeader, m)
	}
	return a.mintOnly(p, m)
}

// mintOnly mints and leaves the clipboard alone.
func (a *app) mintOnly(p *vault.Profile, m vault.TokenRequest) tea.Cmd {
	id, sel, v, now := p.ID, p.Selector, a.o.Vault, a.o.Now
	return a.start(task{id: id, verb: "token", doing: "minting"}, func(ctx context.Context) func(*app) tea.Cmd {
		tok, err := v.Token(ctx, sel, m)
		if err != nil {
			return func(a *app) tea.Cmd { return a.mintFailed(id, err) }
		}
		life := words.Lifetime(tok.Remaining(now()), tok.ExpiresIn().Duration())
		return func(a *app) tea.Cmd {
			a.watch(id)
			a.say(done, "minted a token for "+sel.String()+", good for "+life)
			return a.reload()
		}
	})
}

// mintFailed says why, and keeps it for the verdict screen.
func (a *app) mintFailed(id string, err error) tea.Cmd {
	if p := a.profileByID(id); p != nil {
		if v := vault.VerdictOf(err); v != vault.VerdictNone {
			a.reports[id] = reportOf(p, err, a.now)
		}
	}
	a.fail(id, "minting", err)
	return a.reload()
}

// watch marks a profile whose end of life is worth a notice: its token is in use
// here.
func (a *app) watch(id string) {
	if a.watched == nil {
		a.watched = map[string]bool{}
	}
	a.watched[id] = true
}

func (d *mintDialog) lines(a *app, w int) []string {
	var row strings.Builder
	typed := d.input.Value() != ""
	for i, life := range d.presets {
		paint := a.st.text
		if typed {
			paint = a.st.dim // what is typed wins
		}
		row.WriteString(a.option(words.Duration(life.Duration()), i == d.at && !typed, paint))
		row.WriteString(" ")
	}
	out := []string{a.st.dim.Styled("expires_in"), row.String(), "", a.st.accent.Styled("> ") + a.drawInput(d.input, w-2)}
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
		out = append(out, a.st.dim.Styled(a.cut("good until "+a.moment(a.now.Add(life.Duration()))+then, w, a.st.glyph.more)))
	}
	return out
}

func (d *mintDialog) hints(*app) []hint {
	var h []hint
	typed := d.input.Value() != ""
	switch {
	case d.noCopy:
		h = []hint{{"enter", "mint"}, {"tab", "copy too"}}
	case typed:
		h = []hint{{"enter", "mint and copy"}, {"tab", "mint only"}}
	default:
		h = []hint{{"enter", "mint and copy"}, {"m", "mint only"}}
	}
	if !typed {
		h = append(h, hint{"← →", "choose"})
	}
	return append(h, hint{"esc", "back"})
}

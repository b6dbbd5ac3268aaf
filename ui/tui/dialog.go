package tui

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// dialogs are the open dialogs, one above the other. The last one has the keys.
type dialogs struct{ open []dialog }

// push puts a dialog above the others.
func (ds *dialogs) push(d dialog) { ds.open = append(ds.open, d) }

// drop removes d and the dialogs above it.
func (ds *dialogs) drop(d dialog) {
	if i := slices.Index(ds.open, d); i >= 0 {
		clear(ds.open[i:])
		ds.open = ds.open[:i]
	}
}

// dialog returns the one that has the keys, nil if none is open.
func (ds *dialogs) dialog() dialog {
	if len(ds.open) == 0 {
		return nil
	}
	return ds.open[len(ds.open)-1]
}

// unsaved returns the open form in which something was typed, nil if there is none.
func (ds *dialogs) unsaved() *formDialog {
	for _, d := range ds.open {
		if f, ok := d.(*formDialog); ok && f.dirty() {
			return f
		}
	}
	return nil
}

// closeSaved closes every dialog but the forms with a typed secret.
func (ds *dialogs) closeSaved() {
	ds.open = slices.DeleteFunc(ds.open, func(d dialog) bool {
		f, ok := d.(*formDialog)
		return !ok || !f.holdsSecret()
	})
}

// dialog lies over the panes and gets the keys. Embed [basicDialog] for the common
// methods.
type dialog interface {
	title() string
	// keys returns the dialog's keys with what they do now, in the order of the
	// footer; the last one goes back. They feed the update, the footer and the help.
	keys(a *app) []dialogKey
	// update handles the input that none of the keys takes: text and pastes.
	update(a *app, msg tea.Msg) tea.Cmd
	// lines draws the inside, at most w cells wide.
	lines(a *app, w int) []string
	// width returns the preferred outer width in cells.
	width() int
	// live reports whether it is about a live profile.
	live() bool
	// takesText reports whether a key that is typed now is text, "?" included.
	takesText() bool
	// click handles a click on cell x of one of its lines.
	click(a *app, x, line int) tea.Cmd
	// scrolled returns its scrolling, nil if it has none.
	scrolled() *pager
}

// basicDialog is a dialog of the usual width that takes no text, does not scroll,
// and is not about a live profile.
type basicDialog struct{}

func (basicDialog) update(*app, tea.Msg) tea.Cmd { return nil }
func (basicDialog) width() int                   { return 76 }
func (basicDialog) live() bool                   { return false }
func (basicDialog) takesText() bool              { return false }
func (basicDialog) click(*app, int, int) tea.Cmd { return nil }
func (basicDialog) scrolled() *pager             { return nil }

// dialogKey is a key of a dialog and what it does. A key without a name is not in
// the footer.
type dialogKey struct {
	key.Binding
	run func() tea.Cmd
}

// on binds keys to run. The footer shows them as shown, with a short name; if shown
// is "" it does not show them.
func on(keys, shown, name string, run func() tea.Cmd) dialogKey {
	return dialogKey{bind(keys, shown, name), run}
}

// does turns a function without a command into one for a key.
func does(f func()) func() tea.Cmd {
	return func() tea.Cmd {
		f()
		return nil
	}
}

// updateDialog gives a key to the topmost dialog.
func (a *app) updateDialog(msg tea.KeyPressMsg) tea.Cmd {
	d := a.dialog()
	for _, k := range d.keys(a) {
		if key.Matches(msg, k.Binding) {
			return k.run()
		}
	}
	if _, isHelp := d.(*dialogHelp); !isHelp && (msg.String() == "f1" || msg.String() == "?" && !d.takesText()) {
		a.push(&dialogHelp{about: d})
		return nil
	}
	return d.update(a, msg)
}

// dialogHints returns a dialog's keys for the footer.
func dialogHints(a *app, d dialog) []hint {
	var out []hint
	for _, k := range d.keys(a) {
		if h := k.Help(); k.Enabled() && h.Key != "" {
			out = append(out, hint{h.Key, h.Desc})
		}
	}
	return out
}

// dialogWidth returns a dialog's outer width: its preferred one, or the whole
// screen's on a narrow screen.
func (a *app) dialogWidth(d dialog) int {
	if w := d.width(); a.width-w >= 8 {
		return w
	}
	return a.width
}

// dialogBox frames a dialog.
func (a *app) dialogBox(d dialog) []string {
	w, lines := a.dialogWidth(d), a.layout.dialog
	if p := d.scrolled(); p != nil {
		lines = lines[min(p.top, len(lines)):]
	}
	lines = append(lines[:len(lines):len(lines)], a.keysInside(d, w-4)...)
	border, line := a.st.pane, a.st.accent
	if d.live() {
		border, line = a.st.live, a.st.liveLine
	}
	out := a.frame(a.cutTitle(d.title(), w-6), lines, w, min(len(lines)+2, a.layout.body), border, line, a.st.strong, a.st.glyph.more)
	if below := len(lines) - (a.layout.body - 2); below > 0 {
		a.markMore(out, fmt.Sprintf("%d more", below), w, border, line)
	}
	return out
}

// keysInside draws a dialog's keys as its last line, after a blank one. If the
// dialog needs that room, the footer has its keys.
func (a *app) keysInside(d dialog, w int) []string {
	if a.layout.body-2-len(a.layout.dialog) < 2 {
		return nil
	}
	return []string{"", a.hintText(dialogHints(a, d), w, 1)}
}

// pager is the scrolling of dialogs with long contents. Update sets how much there
// is and how much fits.
type pager struct {
	basicDialog
	top, room, have int
}

func (p *pager) scrolled() *pager { return p }

// near reports whether a line is on the screen or less than a screen away, so that
// a thousand lines need not be drawn to show forty.
func (p *pager) near(line, height int) bool {
	return line >= p.top-height && line < p.top+2*height
}

// pagerKeys returns the keys that scroll and close d; also names another key that
// closes it.
func (p *pager) pagerKeys(a *app, d dialog, also string) []dialogKey {
	by := func(n func() int) func() tea.Cmd { return does(func() { p.top += n() }) }
	shown := ""
	if p.have > p.room {
		shown = "↑ ↓"
	}
	return []dialogKey{
		on("up k", shown, "scroll", by(func() int { return -1 })),
		on("down j", "", "", by(func() int { return 1 })),
		on("pgup ctrl+b", "", "", by(func() int { return -p.room })),
		on("pgdown ctrl+f space", "", "", by(func() int { return p.room })),
		on("ctrl+u", "", "", by(func() int { return -p.room / 2 })),
		on("ctrl+d", "", "", by(func() int { return p.room / 2 })),
		on("home g", "", "", by(func() int { return -p.have })),
		on("end G", "", "", by(func() int { return p.have })),
		on(strings.TrimSpace("esc q enter "+also), "esc", "close", does(func() { a.drop(d) })),
	}
}

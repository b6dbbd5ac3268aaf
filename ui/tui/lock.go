package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
)

// lockTimerMsg comes once when the idle time may be over. It is no tick: one is
// under way at a time, and it is set for the moment that matters.
type lockTimerMsg struct{}

func (a *app) armLock() tea.Cmd {
	if a.lockTimer || a.locked || a.o.LockAfter < 0 {
		return nil
	}
	a.lockTimer = true
	wait := max(a.lastInput.Add(a.o.LockAfter).Sub(a.now), time.Second)
	return a.after(wait, lockTimerMsg{})
}

// lockIfIdle locks when nobody has touched a key for long enough. By the wall
// clock: a laptop that slept was idle.
func (a *app) lockIfIdle() tea.Cmd {
	if a.locked || a.o.LockAfter < 0 || a.now.Sub(a.lastInput) < a.o.LockAfter {
		return nil
	}
	return a.lock()
}

// lock drops what the screen holds and shows nothing until unlocked. A form with
// a secret typed into it is kept, unseen: Kitegateway shows an api_secret once.
func (a *app) lock() tea.Cmd {
	a.forgetSecrets()
	a.stopAll()
	if p := a.profileByID(a.keep.id); p == nil || p.Environment == kite.Live {
		a.keep = keepAlive{}
	}
	clear(a.gates)
	a.notice = notice{}
	a.typing, a.detail = false, false
	kept := a.dialogs[:0]
	for _, d := range a.dialogs {
		if f, ok := d.(*formDialog); ok && f.dirty() {
			kept = append(kept, f)
		}
	}
	clear(a.dialogs[len(kept):])
	a.dialogs = kept
	a.locked, a.unlocking = true, ""
	return nil
}

// suspend locks before the shell takes over: what happens there is not ours to
// see.
func (a *app) suspend() tea.Cmd {
	a.lock()
	return tea.Suspend
}

func (a *app) lockedKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "q", "ctrl+c":
		if a.unsaved() != nil {
			a.unlocking = "An unfinished form with a secret in it is open: unlock to save or discard it."
			return nil
		}
		return a.quit()
	case "ctrl+z":
		return tea.Suspend
	case "esc":
		a.stopAll()
		a.unlocking = ""
	case "enter", "l", "space":
		return a.unlock()
	}
	return nil
}

// unlock asks the store: where the operating system has locked the keyring, it
// asks the person; where the store has a passphrase of its own, this proves that
// it still opens.
func (a *app) unlock() tea.Cmd {
	v := a.o.Vault
	a.unlocking = "asking the " + v.StoreName() + a.st.glyph.more
	return a.start(task{verb: "unlock", doing: "unlocking"}, func(ctx context.Context) func(*app) tea.Cmd {
		err := v.Reach(ctx)
		return func(a *app) tea.Cmd {
			if err != nil {
				a.unlocking = sentence(err)
				return nil
			}
			a.locked, a.unlocking = false, ""
			return tea.Batch(a.armLock(), a.reload())
		}
	})
}

// lockScreen shows no name and no number.
func (a *app) lockScreen() []string {
	text := []string{a.st.strong.Styled("kitekey is locked"), ""}
	add := func(s string, paint func(string) string) {
		for _, l := range a.wrap(s, min(a.width-4, 60)) {
			text = append(text, paint(l))
		}
	}
	add("This screen has forgotten what it held; what is stored is untouched.", a.st.dim.Styled)
	if a.unsaved() != nil {
		add("An unfinished form waits behind it.", a.st.dim.Styled)
	}
	if a.keep.id != "" {
		add("One token is kept alive meanwhile.", a.st.dim.Styled)
	}
	if a.unlocking != "" {
		text = append(text, "")
		add(a.unlocking, a.st.warn.Styled)
	}
	lines := make([]string, 0, a.height)
	for range max((a.height-len(text)-1)/2, 0) {
		lines = append(lines, blanks(a.width))
	}
	for _, l := range text {
		lines = append(lines, a.fit(a.center(l, a.width), a.width, ""))
	}
	for len(lines) < a.height-1 {
		lines = append(lines, blanks(a.width))
	}
	return append(lines[:a.height-1], a.hintLine([]hint{{"enter", "unlock"}, {"q", "quit"}}))
}

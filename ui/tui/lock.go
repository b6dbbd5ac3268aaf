package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
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
	return a.shut()
}

// lock is the key: the person is leaving.
func (a *app) lock() tea.Cmd {
	a.keep = keepAlive{}
	return a.shut()
}

// shut drops what the screen holds, has the store forget what it has unlocked,
// and shows nothing until unlocked. A form with a secret typed into it is kept,
// unseen: Kitegateway shows an api_secret once. One that is being saved goes on.
func (a *app) shut() tea.Cmd {
	v := a.o.Vault
	a.forgetSecrets()
	for _, t := range a.tasks {
		if !t.form {
			a.stop(t)
		}
	}
	if p := a.profileByID(a.keep.id); p == nil || p.Environment == kite.Live || v.StoreName() == "file" {
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
	a.locked, a.unlocking, a.needPass = true, "", false
	return a.start(task{verb: "lock", quiet: true}, func(context.Context) func(*app) tea.Cmd {
		v.Lock()
		need := v.NeedsPassphrase()
		return func(a *app) tea.Cmd {
			a.needPass = need
			return nil
		}
	})
}

// suspend locks before the shell takes over: what happens there is not ours to
// see.
func (a *app) suspend() tea.Cmd { return tea.Sequence(a.lock(), tea.Suspend) }

func (a *app) lockedKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "ctrl+c":
		return a.quitLocked()
	case "ctrl+z":
		return tea.Suspend
	case "esc":
		a.stopAll()
		a.unlocking = ""
		a.passphrase.clear()
		return nil
	case "enter":
		return a.unlock()
	}
	if a.needPass {
		a.passphrase.update(msg)
		return nil
	}
	switch msg.String() {
	case "q":
		return a.quitLocked()
	case "l", "space":
		return a.unlock()
	}
	return nil
}

func (a *app) quitLocked() tea.Cmd {
	if a.unsaved() != nil {
		a.unlocking = "An unfinished form with a secret in it is open: unlock to save or discard it."
		return nil
	}
	return a.quit()
}

// unlock asks the store: with the passphrase where it has one of its own;
// otherwise by using it, and where the operating system has locked the keyring
// it asks the person.
func (a *app) unlock() tea.Cmd {
	v, passphrase := a.o.Vault, a.passphrase.secret()
	a.passphrase.clear()
	a.unlocking = "unlocking" + a.st.glyph.more
	return a.start(task{verb: "unlock", doing: "unlocking"}, func(ctx context.Context) func(*app) tea.Cmd {
		var err error
		if !passphrase.IsZero() {
			err = v.Unlock(ctx, passphrase)
		}
		if err == nil {
			err = v.Reach(ctx)
		}
		need := err != nil && v.NeedsPassphrase()
		return func(a *app) tea.Cmd {
			a.needPass = need
			switch {
			case errors.Is(err, vault.ErrWrongPassphrase):
				a.unlocking = "That is not the passphrase. Try again."
			case need && passphrase.IsZero():
				a.unlocking = ""
			case err != nil:
				a.unlocking = sentence(err)
			default:
				a.locked, a.unlocking = false, ""
				return tea.Batch(a.armLock(), a.reload())
			}
			return nil
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
	if a.needPass {
		state := "paste or type; nothing is shown"
		if !a.passphrase.empty() {
			state = "received, hidden"
		}
		text = append(text, "", a.st.strong.Styled("passphrase")+"  "+a.st.dim.Styled(state))
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
	quit := hint{"q", "quit"}
	if a.needPass {
		quit.key = "ctrl+c"
	}
	return append(lines[:a.height-1], a.hintLine([]hint{{"enter", "unlock"}, quit}))
}

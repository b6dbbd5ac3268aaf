package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// locker is the lock of the screen: when it locks by itself, and what the locked
// screen shows.
type locker struct {
	locked     bool
	message    string // progress of unlocking, or why it failed
	needPass   bool   // the store needs its passphrase
	passphrase secretInput
	forAll     bool // unlock the store for other commands too
	lastInput  time.Time
	timer      bool   // a lockTimerMsg is scheduled
	endedKeep  string // the profile whose keep-alive the lock has ended, "" for none

	overwriteFreed func() // overwrites the memory that is not in use
}

// lockTimerMsg fires when the idle lock could next be due; at most one is pending.
type lockTimerMsg struct{}

func (l *locker) arm(a *app) tea.Cmd {
	if l.timer || l.locked || a.o.LockAfter < 0 {
		return nil
	}
	l.timer = true
	wait := max(l.lastInput.Add(a.o.LockAfter).Sub(a.now), time.Second)
	return a.after(wait, lockTimerMsg{})
}

// ifIdle locks if no key was pressed for long enough by the wall clock: a laptop
// that slept was idle.
func (l *locker) ifIdle(a *app) tea.Cmd {
	if l.locked || a.o.LockAfter < 0 || a.now.Sub(l.lastInput) < a.o.LockAfter {
		return nil
	}
	return l.lock(a, a.term.input, nil)
}

// lockByKey handles the key that locks.
func (a *app) lockByKey() tea.Cmd {
	a.lock.endKeepAlive(a)
	return a.lock.lock(a, a.term.input, nil)
}

// lock clears what the screen holds, makes the store forget what it has unlocked,
// and shows nothing until unlocked. It keeps a form with a typed secret, hidden,
// because Kitegateway shows an api_secret only once. A form that is being saved
// continues. input is the terminal where secrets were typed, nil if it must not be
// asked now. done is called when no secret is left in memory; it may be nil.
func (l *locker) lock(a *app, input *terminalInput, done func()) tea.Cmd {
	v := a.o.Vault
	a.reveal.hide()
	a.removed.Erase()
	a.tasks.stopAll(false)
	if p := a.profileByID(a.keep.ID); p == nil || p.Environment == kite.Live {
		l.endKeepAlive(a)
	}
	a.guard.Forget()
	a.notices.dismiss()
	a.list.typing, a.detail = false, detail{}
	a.closeSaved()
	l.locked, l.message, l.needPass = true, "", false
	ask, overwritten := input.overwrite()
	lock := a.run(task{kind: taskLock, quiet: true}, func(ctx context.Context) func(*app) tea.Cmd {
		v.Lock()
		need := v.NeedsPassphrase()
		if overwritten == nil {
			l.forgetMemory(ctx, nil, done) // there is nothing to wait for, and the process may be stopped next
		}
		return func(a *app) tea.Cmd {
			if a.lock.needPass = need; need {
				l.endKeepAlive(a) // minting again would ask for the passphrase
			}
			if overwritten == nil {
				return nil
			}
			return a.run(task{kind: taskOverwrite, quiet: true}, func(ctx context.Context) func(*app) tea.Cmd {
				l.forgetMemory(ctx, overwritten, done)
				return nil
			})
		}
	})
	// Clear the screen: a cell that stays the same keeps the frame that it came from
	// in memory, with what that frame showed.
	return tea.Batch(ask, tea.ClearScreen, lock)
}

// endKeepAlive ends keep-alive because of the lock, which says so.
func (l *locker) endKeepAlive(a *app) {
	if a.keep.ID != "" {
		l.endedKeep, a.keep = a.keep.ID, keepAlive{}
	}
}

// key handles a key on the locked screen.
func (l *locker) key(a *app, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "ctrl+c":
		return l.quit(a)
	case "ctrl+z":
		if !a.o.canSuspend() {
			l.message = noShell
			return nil
		}
		return a.stop(a.term.signals.count())
	case "esc":
		a.tasks.stopAll(false)
		l.message = ""
		l.passphrase.clear()
		return nil
	case "enter":
		return l.unlock(a)
	}
	if l.needPass {
		if msg.String() == "tab" {
			l.forAll = !l.forAll && a.o.Vault.CanKeep()
			return nil
		}
		l.passphrase.update(msg)
		return nil
	}
	switch msg.String() {
	case "q":
		return l.quit(a)
	case "space":
		return l.unlock(a)
	}
	return nil
}

func (l *locker) quit(a *app) tea.Cmd {
	if a.unsaved() != nil {
		l.message = "An unfinished form with a secret in it is open: unlock to save or discard it."
		return nil
	}
	return a.quit()
}

// unlock unlocks the store with the passphrase, if it has one. Otherwise it uses
// the store; if the operating system has locked the keyring, it asks the user.
func (l *locker) unlock(a *app) tea.Cmd {
	v, passphrase, forAll := a.o.Vault, l.passphrase.secret(), l.forAll
	l.passphrase.clear()
	l.message = "unlocking" + a.st.glyph.more
	return a.run(task{kind: taskUnlock, doing: "unlocking"}, func(ctx context.Context) func(*app) tea.Cmd {
		var err error
		given := !passphrase.IsZero()
		if given {
			err = v.Unlock(ctx, passphrase)
			passphrase.Erase()
		}
		if err == nil {
			err = v.Reach(ctx)
		}
		need := err != nil && v.NeedsPassphrase()
		keep := func(*app) {}
		if err == nil && given && forAll {
			keep = keepOpen(v)
		}
		return func(a *app) tea.Cmd {
			cmd := a.lock.unlocked(a, err, need, !given)
			keep(a)
			return cmd
		}
	})
}

// unlocked opens the screen, or says why it stays locked.
func (l *locker) unlocked(a *app, err error, needPass, noneGiven bool) tea.Cmd {
	l.needPass = needPass
	switch {
	case errors.Is(err, vault.ErrWrongPassphrase):
		l.message = "That is not the passphrase. Try again."
	case needPass && noneGiven:
		l.message = ""
	case err != nil:
		l.message = errorText(err)
	default:
		l.locked, l.message, l.forAll = false, "", false
		if p := a.profileByID(l.endedKeep); p != nil {
			text := "locking ended keep-alive for " + p.Selector.String() + a.st.glyph.sep + "K switches it on again"
			a.notices.show(notice{kind: warning, id: p.ID, keys: "K", text: text}, a.now)
		}
		l.endedKeep = ""
		return tea.Batch(l.arm(a), a.reload())
	}
	return nil
}

// truth says what the lock protects and what it does not.
func (l *locker) truth(a *app) string {
	text := "Secrets were cleared from memory; stored credentials are unchanged. "
	if a.unsaved() != nil {
		text = "Secrets were cleared from memory, except what you typed into a form; stored credentials are unchanged. "
	}
	store := words.Store(a.o.Vault.StoreName())
	if l.needPass {
		text += "To open " + store + " again, enter its passphrase."
	} else {
		text += "This hides the screen; it does not lock " + store + ": enter opens the screen again."
	}
	if a.clip.until.After(a.now) && a.clip.willClear {
		text += " A copy is in the clipboard until " + words.Moment(a.clip.until, a.now) + "."
	}
	return text
}

// draw draws the locked screen, without names and numbers.
func (l *locker) draw(a *app) []string {
	text := []string{a.st.strong.Styled("kitekey is locked"), ""}
	w := min(a.width-4, 60)
	text = append(text, a.painted(l.truth(a), w, a.st.dim)...)
	if a.unsaved() != nil {
		text = append(text, a.painted("An unfinished form is open behind it.", w, a.st.dim)...)
	}
	if a.keep.ID != "" {
		text = append(text, a.painted("One token is kept alive meanwhile.", w, a.st.dim)...)
	}
	if l.endedKeep != "" {
		text = append(text, a.painted("Keep-alive has ended.", w, a.st.dim)...)
	}
	if l.needPass {
		state := "paste or type; nothing is shown"
		if !l.passphrase.empty() {
			state = "received, hidden"
		}
		text = append(text, "", a.st.strong.Styled("passphrase")+"  "+a.st.dim.Styled(a.brief(state, w-len("passphrase")-2)))
		if a.o.Vault.CanKeep() {
			text = append(text, a.forAllLine(l.forAll))
		}
	}
	if l.message != "" {
		text = append(append(text, ""), a.painted(l.message, w, a.st.warn)...)
	}
	lines := make([]string, 0, a.height)
	for range max((a.height-len(text)-1)/2, 0) {
		lines = append(lines, spaces(a.width))
	}
	for _, t := range text {
		lines = append(lines, a.fit(a.center(t, a.width), a.width, ""))
	}
	for len(lines) < a.height-1 {
		lines = append(lines, spaces(a.width))
	}
	quit := hint{"q", "quit"}
	if l.needPass {
		quit.key = "ctrl+c"
	}
	hints := []hint{{"enter", "unlock"}}
	if l.needPass && a.o.Vault.CanKeep() {
		hints = append(hints, hint{"tab", "for commands too"})
	}
	return append(lines[:a.height-1], a.hintLine(append(hints, quit), 1))
}

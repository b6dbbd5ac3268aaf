package tui

import (
	tea "charm.land/bubbletea/v2"

	"kitekey/ui/session"
)

// sessionLockMsg is a request to lock: the desktop session locks, or the machine is
// about to sleep.
type sessionLockMsg struct{ request session.Request }

// waitForSession waits for the next request.
func (a *app) waitForSession() tea.Cmd {
	if a.o.Session == nil {
		return nil
	}
	return func() tea.Msg {
		r, ok := <-a.o.Session
		if !ok {
			return nil
		}
		return sessionLockMsg{r}
	}
}

func (a *app) lockWithSession(msg sessionLockMsg) tea.Cmd {
	if a.lock.locked && a.lock.passphrase.empty() {
		msg.request.Done()
		return a.waitForSession()
	}
	a.lock.passphrase.clear()
	return tea.Batch(a.lock.lock(a, a.term.input, msg.request.Done), a.waitForSession())
}

package tui

import (
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// terminal is where the screen is drawn, and what reaches it from outside.
type terminal struct {
	input   *terminalInput  // nil when it is not the terminal
	output  *terminalOutput // nil when it is not the terminal
	signals *signals
	started time.Time
}

// signals is how kitekey and the signals of the operating system stand.
type signals struct {
	program   *tea.Program
	suspended atomic.Bool // until the shell continues kitekey
}

// noShell is said where suspending would leave an empty window for ever.
const noShell = "There is no shell to suspend to: the screen is locked."

// suspend locks, since what happens in front of the shell is not ours to see, and
// goes to the shell. Where there is none it stays locked.
func (a *app) suspend() tea.Cmd {
	a.keep = keepAlive{}
	lock := a.lock.lock(a, nil, nil)
	if !a.o.canSuspend() {
		a.lock.message = noShell
		return lock
	}
	return tea.Sequence(lock, a.term.signals.suspendNow)
}

// resume draws the screen again after a stop.
func (a *app) resume() tea.Cmd {
	return tea.Batch(a.lock.ifIdle(a), a.reload(), tea.ClearScreen)
}

package tui

import (
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// terminal is where the screen is drawn, and its input.
type terminal struct {
	input   *terminalInput  // nil when it is not the terminal
	output  *terminalOutput // nil in tests
	signals *signals
	started time.Time
}

// signals is the state of signal handling.
type signals struct {
	mu        sync.Mutex
	continued int           // how often SIGCONT has come
	last      time.Time     // when it came last
	stopped   chan struct{} // closed by the next SIGCONT; nil while kitekey runs
}

// count is how often SIGCONT has come.
func (s *signals) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.continued
}

// stopMsg is SIGTSTP from outside: the screen locks and gives the terminal back
// before it stops. continued is how often SIGCONT had come by then.
type stopMsg struct{ continued int }

// lockedMsg says that the screen is locked and that kitekey can stop.
type lockedMsg struct{ continued int }

// continueMsg is SIGCONT without a stop of kitekey's own before it.
type continueMsg struct{}

// noShell is said where suspending would leave an empty window for ever.
const noShell = "There is no shell to suspend to: the screen is locked."

// suspend is the key.
func (a *app) suspend() tea.Cmd { return a.suspendSince(a.term.signals.count()) }

// suspendSince locks, since what happens in front of the shell is not ours to see, and
// goes to the shell. Where there is none it stays locked. continued is how often
// SIGCONT had come when it was asked for.
func (a *app) suspendSince(continued int) tea.Cmd {
	a.keep = keepAlive{}
	lock := a.lock.lock(a, nil, nil)
	if !a.o.canSuspend() {
		a.lock.message = noShell
		return lock
	}
	return tea.Sequence(lock, func() tea.Msg { return lockedMsg{continued} })
}

// stop stops kitekey until the shell continues it. It waits within Update, so that
// kitekey does not end while the terminal is given back or taken again.
func (a *app) stop(continued int) tea.Cmd {
	on, off := a.modes()
	a.term.output.whileAway(on, off, func() { a.term.signals.stop(a.ctx, continued) })
	return tea.Batch(a.reload(), tea.RequestWindowSize, tea.ClearScreen)
}

// takeBack locks, and sets the terminal up anew: whatever stopped kitekey, the
// terminal may be as the shell left it.
func (a *app) takeBack() tea.Cmd {
	a.keep = keepAlive{}
	on, off := a.modes()
	a.term.output.takeBack(on, off)
	return tea.Batch(a.lock.lock(a, nil, nil), tea.RequestWindowSize, tea.ClearScreen)
}

// modes turns what Bubble Tea has asked of the terminal on and off.
// [tea.Program.ReleaseTerminal] and RestoreTerminal are not for a program that goes
// on at once: the ticker of the one can end after that of the other began, and then
// nothing is drawn.
func (a *app) modes() (on, off string) {
	on = ansi.SetModeAltScreenSaveCursor + ansi.ResetModeTextCursorEnable + ansi.SetModeBracketedPaste + ansi.SetModeFocusEvent +
		ansi.SetModifyOtherKeys2 + ansi.PushKittyKeyboard(ansi.KittyDisambiguateEscapeCodes) + ansi.SetWindowTitle(a.windowTitle())
	off = ansi.ResetModifyOtherKeys + ansi.PopKittyKeyboard(1) + ansi.ResetModeAltScreenSaveCursor + ansi.SetModeTextCursorEnable +
		ansi.ResetModeBracketedPaste + ansi.ResetModeFocusEvent + ansi.SetWindowTitle("") + ansi.ResetProgressBar
	if a.mouse {
		on += ansi.SetModeMouseButtonEvent + ansi.SetModeMouseExtSgr
		off += ansi.ResetModeMouseButtonEvent + ansi.ResetModeMouseExtSgr
	}
	if a.method == ansi.GraphemeWidth {
		on += ansi.SetModeUnicodeCore
		off += ansi.ResetModeUnicodeCore
	}
	// From the first cell every way to the first cell ends there, and that is where
	// Bubble Tea goes before it draws all anew.
	return on + ansi.CursorHomePosition, off
}

//go:build unix

package tui

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// canSuspend reports whether a job-control shell would continue a stopped kitekey.
// A session leader has none above it, and neither has a process whose parent is in
// another session (a terminal emulator, sshd, a container): the kernel would
// discard the stop, or no process would continue kitekey.
func canSuspend() bool {
	session, err := unix.Getsid(0)
	if err != nil || unix.Getpgrp() == session {
		return false
	}
	parent, err := unix.Getsid(os.Getppid())
	return err == nil && parent == session
}

// stopMsg is SIGTSTP from outside: the screen locks and gives the terminal back
// before it stops.
type stopMsg struct{}

// continueMsg is SIGCONT after a stop that nothing could be done about.
type continueMsg struct{}

// watchSignals sends the program what signals say, until ctx ends, and ends it on
// those that would otherwise kill kitekey with the terminal in raw mode.
func watchSignals(ctx context.Context, cancel context.CancelCauseFunc, p *tea.Program, s *signals) {
	s.program = p
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGQUIT, syscall.SIGABRT)
	go func() {
		defer signal.Stop(ch)
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-ch:
				switch sig {
				case syscall.SIGTSTP:
					p.Send(stopMsg{})
				case syscall.SIGCONT:
					if !s.suspended.Load() {
						// Whatever stopped kitekey, the terminal may be as the shell left it.
						if p.ReleaseTerminal() == nil && p.RestoreTerminal() == nil {
							p.Send(continueMsg{})
						}
					}
				default:
					cancel(fmt.Errorf("ended by a signal: %v", sig))
				}
			}
		}
	}()
}

// suspendNow gives the terminal back, stops the process group as ctrl+z does, and
// takes the terminal again when the shell continues it. SIGTSTP would not do:
// once it was caught, Go's runtime ignores it.
func (s *signals) suspendNow() tea.Msg {
	s.suspended.Store(true)
	defer s.suspended.Store(false)
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if s.program.ReleaseTerminal() != nil {
		return nil
	}
	_ = syscall.Kill(0, syscall.SIGSTOP)
	<-continued
	_ = s.program.RestoreTerminal()
	return tea.ResumeMsg{}
}

//go:build unix

package tui

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// canSuspend reports whether a shell with job control would continue a stopped
// kitekey. There is none above a session leader, nor if the parent process is in
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

// together is how close SIGCONT and SIGTSTP may come and still count as one after
// the other in either order: Go's runtime does not keep the order of signals.
const together = 50 * time.Millisecond

// watchSignals sends signals to the program until ctx ends, and ends the program on
// those that would otherwise kill kitekey with the terminal in raw mode.
func watchSignals(ctx context.Context, cancel context.CancelCauseFunc, send func(tea.Msg), s *signals) {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGABRT)
	go func() {
		defer signal.Stop(ch)
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-ch:
				var msg tea.Msg
				switch sig {
				case syscall.SIGTSTP:
					msg = s.tstp(time.Now())
				case syscall.SIGCONT:
					msg = s.cont(time.Now())
				default:
					cancel(fmt.Errorf("ended by a signal: %v", sig))
				}
				if msg != nil {
					go send(msg) // the program may be waiting for the next signal
				}
			}
		}
	}()
}

// tstp is SIGTSTP. When SIGCONT came with it kitekey goes on: to be stopped after it
// was told to continue would be the worse mistake.
func (s *signals) tstp(now time.Time) tea.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) < together {
		return nil
	}
	return stopMsg{s.continued}
}

// cont is SIGCONT.
func (s *signals) cont(now time.Time) tea.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.continued++
	s.last = now
	if s.stopped == nil {
		return continueMsg{}
	}
	close(s.stopped)
	s.stopped = nil
	return nil
}

// stop stops the process group as ctrl+z does, until the shell continues it. Nothing
// stops when SIGCONT has come since it was asked for, or at the end. SIGTSTP would not
// do: once it was caught, Go's runtime ignores it.
func (s *signals) stop(ctx context.Context, continued int) {
	s.mu.Lock()
	if s.continued != continued || ctx.Err() != nil {
		s.mu.Unlock()
		return
	}
	stopped := make(chan struct{})
	s.stopped = stopped
	s.mu.Unlock()
	_ = syscall.Kill(0, syscall.SIGSTOP)
	select {
	case <-stopped:
	case <-ctx.Done():
	}
}

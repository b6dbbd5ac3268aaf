package clipboard

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// HelperArg is the first argument that makes this binary the clipboard helper:
//
//	if len(os.Args) == 2 && os.Args[1] == clipboard.HelperArg {
//		os.Exit(clipboard.Helper(os.Stdin, os.Stdout))
//	}
const HelperArg = "__clipboard-helper"

// MaxStay is the longest time for which a helper stays. A copy that may stay longer
// is cleared then.
const MaxStay = time.Hour

// holder holds a secret on a clipboard.
type holder interface {
	// Lost is closed when another application has taken the clipboard over. The
	// clipboard may still have the secret then: a clipboard manager copies what it
	// sees. It is nil if this cannot be noticed.
	Lost() <-chan struct{}
	// Gone is closed when the clipboard itself is gone. It is nil if this cannot be
	// noticed.
	Gone() <-chan struct{}
	// Clear clears the clipboard if the secret is still on it, whichever application
	// put it there, and stops once newer reports a newer copy of kitekey's. It
	// returns an error if it could not.
	Clear(newer func() bool) error
	// Release lets go of the clipboard without clearing it.
	Release()
}

// Helper is the helper process's main function: it reads a request and a secret
// from in, makes the copy, reports on out, and stays until it has cleared the
// clipboard, a newer copy of kitekey's has replaced it, or the caller tells it to
// end. It returns the process's exit code.
//
// It ignores the hang-up of the terminal that it was started from. If it is asked
// to terminate, as at the end of a desktop session, it clears at once.
func Helper(in io.Reader, out io.Writer) int {
	signal.Ignore(syscall.SIGHUP, os.Interrupt, sigpipe)
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	defer signal.Stop(terminate)

	r := bufio.NewReader(in)
	req, secret, err := readRequest(r)
	var h holder
	var caveat string
	var newest mark
	if err == nil {
		newest = newMark(req.clipboard())
		h, caveat, err = hold(req, secret)
	}
	if err != nil {
		fmt.Fprintln(out, answerError, oneLine(err.Error()))
		return 1
	}
	defer clear(secret)
	fmt.Fprintln(out, answerReady, oneLine(caveat))
	if err := stay(r, req, h, newest, terminate); err != nil {
		fmt.Fprintln(out, answerError, oneLine(err.Error()))
		return 1
	}
	fmt.Fprintln(out, answerDone)
	return 0
}

// stay returns when the copy need not be cleared any more, or why it could not be
// cleared.
func stay(r *bufio.Reader, req request, h holder, newest mark, terminate <-chan os.Signal) error {
	if req.ClearAt.IsZero() {
		return nil // nothing is to be cleared
	}
	orders := make(chan string, 1)
	go func() {
		// An order, or an error if the caller has ended.
		if line, err := r.ReadString('\n'); err == nil {
			orders <- strings.TrimSpace(line)
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := h.Gone()
	if w, ok := h.(watched); ok {
		gone = watch(ctx, w)
	}
	lost, timeUp := h.Lost(), after(ctx, req.ClearAt)
	for waiting := true; waiting; {
		select {
		case <-lost:
			lost = nil
			if !newest.newest() {
				h.Release()
				return nil
			}
		case <-gone:
			newest.remove()
			return nil
		case order := <-orders:
			if order == sayRelease {
				h.Release()
				return nil
			}
			waiting = false
		case <-terminate:
			waiting = false
		case <-timeUp:
			waiting = false
		}
	}
	if !newest.newest() {
		h.Release()
		return nil
	}
	defer newest.remove()
	return h.Clear(func() bool { return !newest.newest() })
}

// watched is a holder that must be asked whether its clipboard is gone: the tmux server
// has ended, or the terminal was closed. Nothing is left to clear then.
type watched interface{ ended() bool }

// watch returns a channel that is closed when the clipboard is gone.
func watch(ctx context.Context, w watched) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		for !w.ended() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(watchEvery):
			}
		}
		close(gone)
	}()
	return gone
}

const watchEvery = 2 * time.Second

// readRequest reads what startHelper writes.
func readRequest(r *bufio.Reader) (req request, secret []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return req, nil, fmt.Errorf("this command is for kitekey's own use: %w", err)
	}
	if err := json.Unmarshal(line, &req); err != nil {
		return req, nil, fmt.Errorf("this command is for kitekey's own use: %w", err)
	}
	if req.Size < 0 || req.Size > MaxSize {
		return req, nil, ErrTooBig
	}
	secret = make([]byte, req.Size)
	if _, err := io.ReadFull(r, secret); err != nil {
		return req, nil, fmt.Errorf("the secret did not arrive whole: %w", err)
	}
	return req, secret, nil
}

// hold makes the copy that req describes, and holds it.
func hold(req request, secret []byte) (h holder, caveat string, err error) {
	switch req.Way {
	case Tmux:
		return holdTmux(os.Getenv("TMUX"), secret)
	case OSC52:
		return terminalClearer{req.Terminal}, "", nil
	}
	return holdNative(req, secret)
}

// after returns a channel that is closed at t by the wall clock, or when ctx ends.
// If t is zero it is never closed.
//
// A timer alone stands still while a laptop sleeps, so the wall clock is checked
// every second. The wall clock alone can be set back, so the timer counts too. The
// first of the two ends the wait.
func after(ctx context.Context, t time.Time) <-chan struct{} {
	if t.IsZero() {
		return nil
	}
	done := make(chan struct{})
	t = t.Round(0)
	span := time.Until(t)
	started := time.Now()
	go func() {
		defer close(done)
		for {
			left := min(time.Until(t), span-time.Since(started))
			if left <= 0 {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(min(left, time.Second)):
			}
		}
	}()
	return done
}

// oneLine makes an answer fit on one line.
func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// past reports whether the time t has come.
func past(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

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

// holder is a secret on a clipboard.
type holder interface {
	// Lost is closed when the secret is no longer there: somebody else has copied,
	// or the clipboard has gone. Nil where that cannot be noticed.
	Lost() <-chan struct{}
	// Clear takes the secret back if it is still there.
	Clear() error
	// Release lets go of what is held without clearing.
	Release()
}

// Helper is what the helper process runs: it reads a request and a secret from
// in, makes the copy, says so on out, and stays until the time is up, another
// application has copied, or the caller tells it to end. It returns the process's
// exit code.
//
// It ignores the hang-up of the terminal it was started from, and takes the secret
// back at once when it is asked to terminate, as at the end of a desktop session.
func Helper(in io.Reader, out io.Writer) int {
	signal.Ignore(syscall.SIGHUP, os.Interrupt, sigpipe)
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	defer signal.Stop(terminate)

	r := bufio.NewReader(in)
	req, secret, err := readRequest(r)
	var h holder
	var caveat string
	if err == nil {
		h, caveat, err = hold(req, secret)
	}
	if err != nil {
		fmt.Fprintln(out, answerError, oneLine(err.Error()))
		return 1
	}
	defer clear(secret)
	fmt.Fprintln(out, answerReady, oneLine(caveat))

	orders := make(chan string, 1)
	go func() {
		// An order, or nothing when the caller has ended.
		if line, err := r.ReadString('\n'); err == nil {
			orders <- strings.TrimSpace(line)
		}
	}()
	select {
	case <-h.Lost():
		return 0
	case order := <-orders:
		if order == sayRelease {
			h.Release()
			return 0
		}
	case <-terminate:
	case <-after(context.Background(), req.ClearAt):
	}
	if err := h.Clear(); err != nil {
		fmt.Fprintln(out, answerError, oneLine(err.Error()))
		return 1
	}
	fmt.Fprintln(out, answerDone)
	return 0
}

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

// hold makes the copy that req asks for, and keeps it.
func hold(req request, secret []byte) (h holder, caveat string, err error) {
	switch req.Way {
	case Tmux:
		return holdTmux(os.Getenv("TMUX"), secret)
	case OSC52:
		return holdTerminal(req)
	}
	return holdNative(req, secret)
}

// after is closed at t by the wall clock, or when ctx ends; for the zero time, never.
//
// A timer alone would not do: it stands still while a laptop sleeps, so the wall
// clock is looked at every second. And the wall clock alone would not either: it
// can be set back. Whichever of the two says so first ends the wait.
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

// oneLine keeps an answer on its line.
func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// past reports whether t is a time that has come.
func past(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

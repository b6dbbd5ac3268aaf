package clipboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience is how long the helper may take to report that the copy is made. X
// servers behind a slow SSH connection need seconds; a stuck one never answers.
const patience = 10 * time.Second

// request is the first line that the helper reads, as JSON. Size bytes of the
// secret follow it.
type request struct {
	Way      Way       `json:"way"`
	ClearAt  time.Time `json:"clear_at"` // zero means never
	Size     int       `json:"size"`
	Terminal tty       `json:"terminal,omitzero"` // the terminal to clear, for OSC 52
}

// clipboard returns the name of the clipboard with the copy.
func (r request) clipboard() string {
	switch r.Way {
	case X11:
		return string(r.Way) + os.Getenv("DISPLAY")
	case Wayland:
		return string(r.Way) + os.Getenv("WAYLAND_DISPLAY")
	case Tmux:
		return string(r.Way) + os.Getenv("TMUX")
	case OSC52:
		return string(r.Way) + r.Terminal.Device
	}
	return string(r.Way)
}

// Orders that the caller may send to the helper, one per line. When the caller's
// end of the pipe closes, the helper continues on its own.
const (
	sayClear   = "clear"   // clear the clipboard now
	sayRelease = "release" // end and change nothing: a newer copy has replaced it
)

// Answers of the helper.
const (
	answerReady = "ready" // followed by a caveat, if there is one
	answerDone  = "done"  // it was cleared, holds something else, or is gone
	answerError = "error" // followed by what went wrong
)

// helperEnv lists the variables that a helper needs. It gets no others, which may
// hold secrets.
var helperEnv = []string{
	"PATH", "HOME", "TMPDIR", "LANG",
	"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR",
	"TMUX", "TMUX_PANE", "TMUX_TMPDIR", "TERM", "STY",
	"SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "__CF_USER_TEXT_ENCODING",
}

// session is a copy that was made.
type session interface {
	// clear clears the clipboard if the copy is still on it.
	clear(ctx context.Context) error
	// release leaves the clipboard to the newer copy that has replaced this one.
	release()
	// wait returns when the copy need not be cleared any more: nil, or why the
	// clipboard could not be cleared, or the context's error.
	wait(ctx context.Context) error
}

// helperSession is the caller's side of a helper.
type helperSession struct {
	way   Way
	to    io.WriteCloser
	ready chan string   // its first answer; closed if it ended without one
	ended chan struct{} // closed when the helper has ended
	last  string        // its last answer, to be read after ended is closed
	kill  func()
}

// helperCommand returns the command that runs the helper: this program, unless
// command names another.
func helperCommand(command []string, env func(string) string) (*exec.Cmd, error) {
	if len(command) == 0 {
		exe, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("cannot find this program's own file to start the clipboard helper: %w", err)
		}
		command = []string{exe, HelperArg}
	}
	// Not CommandContext: the helper outlives the call that starts it.
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{} // not nil, which would mean all variables
	for _, name := range helperEnv {
		if v := env(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Dir = rootDir() // do not keep the caller's folder in use
	cmd.SysProcAttr = detached()
	return cmd, nil
}

// startHelper starts the helper and waits until it has made the copy. It returns
// the helper's caveat.
func startHelper(ctx context.Context, command []string, env func(string) string, req request, secret []byte) (*helperSession, string, error) {
	cmd, err := helperCommand(command, env)
	if err != nil {
		return nil, "", err
	}
	to, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("cannot start the clipboard helper: %w", err)
	}
	s := &helperSession{way: req.Way, to: to, ready: make(chan string, 1), ended: make(chan struct{}), kill: func() { _ = cmd.Process.Kill() }}
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(from)
		if lines.Scan() {
			s.ready <- lines.Text()
		}
		close(s.ready)
		for lines.Scan() {
			s.last = lines.Text()
		}
		_ = cmd.Wait()
	}()

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req.Size = len(secret)
	head, err := json.Marshal(req)
	if err == nil {
		// The request and up to 64 KiB are more than a pipe holds, so writing may block
		// if the helper does not read. Killing the helper ends that too.
		stop := context.AfterFunc(ctx, s.kill)
		_, err = to.Write(append(append(head, '\n'), secret...))
		stop()
	}
	var caveat string
	if err == nil {
		caveat, err = s.awaitReady(ctx)
	}
	if err != nil {
		s.kill()
		_ = to.Close()
		return nil, "", err
	}
	return s, caveat, nil
}

// awaitReady waits until the copy is made, and returns its caveat.
func (s *helperSession) awaitReady(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", noAnswer(ctx)
	case line, ok := <-s.ready:
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case !ok:
			return "", errors.New("the clipboard helper ended without an answer")
		case word == answerReady:
			return rest, nil
		case word == answerError:
			return "", errors.New(rest)
		}
		return "", fmt.Errorf("the clipboard helper answered %q", word)
	}
}

func noAnswer(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it did not answer in time")
	}
	return ctx.Err()
}

// clear asks the helper to clear the clipboard, and waits until it has.
func (s *helperSession) clear(ctx context.Context) error {
	// An error means that the helper has ended; wait returns its last answer.
	_ = s.say(sayClear)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.wait(ctx)
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("the clipboard could not be cleared: %w", noAnswer(ctx))
	}
	return err
}

func (s *helperSession) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
	}
	switch word, rest, _ := strings.Cut(s.last, " "); {
	case word == answerError:
		return fmt.Errorf("the clipboard could not be cleared: %s", rest)
	case word == "" && s.way != X11: // on X11 the copy goes with its helper
		return errors.New("the clipboard could not be cleared: the helper that clears it was ended")
	}
	return nil
}

func (s *helperSession) release() { _ = s.say(sayRelease) }

// say sends the helper its last order.
func (s *helperSession) say(word string) error {
	_, err := io.WriteString(s.to, word+"\n")
	_ = s.to.Close()
	return err
}

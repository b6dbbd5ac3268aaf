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

// patience is how long the helper may take until it says that the copy is made.
// X servers behind a slow SSH connection need seconds; a stuck one never answers.
const patience = 10 * time.Second

// request is the first line the helper reads, as JSON; Size bytes of secret
// follow it.
type request struct {
	Way      Way       `json:"way"`
	ClearAt  time.Time `json:"clear_at"` // zero is never
	Size     int       `json:"size"`
	Terminal tty       `json:"terminal,omitzero"` // the terminal to clear, for OSC 52
}

// What the caller may tell the helper afterwards, a line each. When the caller's
// end of the pipe closes, the helper goes on alone.
const (
	sayClear   = "clear"   // take it back now
	sayRelease = "release" // end, and touch nothing: a newer copy has taken over
)

// What the helper answers.
const (
	answerReady = "ready" // followed by a caveat, if there is one
	answerDone  = "done"  // it was taken back, or was no longer ours
	answerError = "error" // followed by what went wrong
)

// helperEnv lists what a helper needs to know of the environment. Everything else
// stays behind, whatever secrets it may hold.
var helperEnv = []string{
	"PATH", "HOME", "TMPDIR", "LANG",
	"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR",
	"TMUX", "TMUX_PANE", "TMUX_TMPDIR", "TERM", "STY",
	"SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "__CF_USER_TEXT_ENCODING",
}

// session is a copy that was made, as its maker holds it.
type session interface {
	// clear takes the copy back if it is still there.
	clear(ctx context.Context) error
	// release leaves it to the newer copy that has replaced it.
	release()
}

// helperSession is the caller's end of one helper.
type helperSession struct {
	to      io.WriteCloser
	answers chan string // closed when the helper has ended
	kill    func()
}

// startHelper starts the helper and waits until it has made the copy. The caveat
// is the helper's.
func startHelper(ctx context.Context, command []string, env func(string) string, req request, secret []byte) (*helperSession, string, error) {
	if len(command) == 0 {
		exe, err := os.Executable()
		if err != nil {
			return nil, "", fmt.Errorf("cannot find this program's own file to start the clipboard helper: %w", err)
		}
		command = []string{exe, HelperArg}
	}
	// Not CommandContext: the helper outlives ctx once it is ready.
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{} // not nil, which would be everything
	for _, name := range helperEnv {
		if v := env(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Dir = rootDir() // keeps no folder busy
	cmd.SysProcAttr = detached()
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
	// Room for every answer there is, so that nobody has to wait for a reader.
	s := &helperSession{to: to, answers: make(chan string, 4), kill: func() { _ = cmd.Process.Kill() }}
	go func() {
		defer close(s.answers)
		lines := bufio.NewScanner(from)
		for n := 0; n < cap(s.answers) && lines.Scan(); n++ {
			s.answers <- lines.Text()
		}
		_ = cmd.Wait()
	}()

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req.Size = len(secret)
	head, err := json.Marshal(req)
	if err == nil {
		// Up to 64 KiB and a line: more than a pipe holds, so it may block on a
		// helper that does not read. Killing it ends that too.
		stop := context.AfterFunc(ctx, s.kill)
		_, err = to.Write(append(append(head, '\n'), secret...))
		stop()
	}
	var caveat string
	if err == nil {
		caveat, err = s.await(ctx, answerReady)
	}
	if err != nil {
		s.kill()
		_ = to.Close()
		return nil, "", err
	}
	return s, caveat, nil
}

// await waits for the wanted answer and returns what follows it.
func (s *helperSession) await(ctx context.Context, want string) (string, error) {
	select {
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", errors.New("it did not answer in time")
		}
		return "", ctx.Err()
	case line, ok := <-s.answers:
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case !ok:
			return "", errEnded
		case word == want:
			return rest, nil
		case word == answerError:
			return "", errors.New(rest)
		}
		return "", fmt.Errorf("the clipboard helper answered %q", word)
	}
}

// errEnded is a helper that ended without a word.
var errEnded = errors.New("the clipboard helper ended without an answer")

// clear asks the helper to take the copy back, and waits until it has.
func (s *helperSession) clear(ctx context.Context) error {
	if err := s.say(sayClear); err != nil {
		return nil // it has ended: nothing of ours is there any more
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.await(ctx, answerDone)
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the copy could not be taken back: %w", err)
	}
	return nil
}

func (s *helperSession) release() { _ = s.say(sayRelease) }

// say tells the helper its last order.
func (s *helperSession) say(word string) error {
	_, err := io.WriteString(s.to, word+"\n")
	_ = s.to.Close()
	return err
}

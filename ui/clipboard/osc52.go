package clipboard

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/charmbracelet/x/ansi"
)

// osc52Set is the sequence that makes a terminal put text on its clipboard, fit
// for the multiplexer in between.
//
// It ends with BEL, which every terminal takes, and not with ST, which GNU screen
// would take for the end of its own wrapping.
func osc52Set(text string, env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(text), env)
}

// osc52Clear overwrites what is there and then empties it: some terminals take an
// empty text for "nothing to do", and with those a blank is left.
func osc52Clear(env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(" ")+ansi.ResetSystemClipboard, env)
}

// screenLimit is how much GNU screen passes on in one piece: its MAXSTR is 768
// since 4.1, and was 256 before.
const screenLimit = 250

// wrap makes a sequence reach the terminal outside a multiplexer.
func wrap(seq string, env func(string) string) string {
	switch {
	case env("STY") != "":
		return ansi.ScreenPassthrough(seq, screenLimit)
	case env("TMUX") != "":
		// tmux acts on it itself with set-clipboard on, and passes it on unread with
		// allow-passthrough on. Neither is the default, and both may be set.
		return seq + ansi.TmuxPassthrough(seq)
	}
	return seq
}

// What OSC 52 cannot promise: there is no answer to it, and what the clipboard
// holds can be asked of few terminals, in an answer that looks like typing.
const (
	caveatTerminal = "the terminal was asked to copy it and does not say whether it did; when the time comes its clipboard is emptied, whatever it holds then"
	caveatLeft     = "the terminal was asked to copy it and does not say whether it did; it is taken back only while kitekey runs"
)

// copyOSC52 sends the sequence itself, to the terminal at hand, and leaves the
// clearing to a helper that opens the terminal's device again when the time has
// come. A helper that kept it open would keep a closed session's terminal alive.
func (c *Clipboard) copyOSC52(ctx context.Context, req request, secret []byte) (session, string, error) {
	var s session
	caveat := caveatTerminal
	req.Terminal = findTTY(c.terminal)
	if req.Terminal.Device != "" {
		if helper, _, err := startHelper(ctx, c.helper, c.env, req, nil); err == nil {
			s = helper
		}
	}
	if s == nil {
		s, caveat = c.clearHere(req), caveatLeft
	}
	// In one piece, so that nothing comes between.
	if _, err := io.WriteString(c.terminal, osc52Set(string(secret), c.env)); err != nil {
		s.release()
		return nil, "", err
	}
	if req.ClearAt.IsZero() {
		caveat, _, _ = strings.Cut(caveat, ";")
	}
	return s, caveat, nil
}

// tty is a terminal that a helper can find again.
type tty struct {
	Device string `json:"device"` // such as /dev/pts/3
	// Leader is the process id of its session's leader, a shell mostly. While that
	// lives, the device is the same terminal still.
	Leader int `json:"leader"`
}

// terminalClearer is a terminal's clipboard, to be emptied.
type terminalClearer struct {
	tty
	// mark is a file that holds the token of the newest copy on this terminal, so
	// that an older copy's helper leaves a newer copy alone; "" where there is no
	// folder for it.
	mark, token string
}

func holdTerminal(req request) (holder, string, error) {
	t := &terminalClearer{tty: req.Terminal, token: rand.Text()}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		t.mark = filepath.Join(dir, "kitekey-clipboard"+strings.ReplaceAll(t.Device, "/", "-"))
		if err := os.WriteFile(t.mark, []byte(t.token), 0o600); err != nil {
			t.mark = ""
		}
	}
	return t, "", nil
}

func (t *terminalClearer) Lost() <-chan struct{} { return nil }

func (t *terminalClearer) Clear() error {
	if t.mark != "" {
		if newest, err := os.ReadFile(t.mark); err == nil && string(newest) != t.token {
			return nil
		}
		_ = os.Remove(t.mark)
	}
	if !t.alive() {
		return nil // the terminal has been closed
	}
	f, err := t.open()
	if err != nil {
		return fmt.Errorf("the terminal cannot be opened: %w", err)
	}
	defer f.Close()
	_, err = f.WriteString(osc52Clear(os.Getenv))
	return err
}

func (t *terminalClearer) Release() {}

// clearHere clears from this process, for a terminal that no helper can find.
func (c *Clipboard) clearHere(req request) session {
	ctx, cancel := context.WithCancel(context.Background())
	s := &hereSession{cancel: cancel, wipe: sync.OnceValue(func() error {
		_, err := io.WriteString(c.terminal, osc52Clear(c.env))
		return err
	})}
	if !req.ClearAt.IsZero() {
		go func() {
			<-after(ctx, req.ClearAt)
			if ctx.Err() == nil {
				_ = s.wipe()
			}
		}()
	}
	return s
}

// hereSession is a copy that this process takes back itself.
type hereSession struct {
	cancel func()
	wipe   func() error // does so once
}

func (s *hereSession) clear(context.Context) error {
	s.cancel()
	return s.wipe()
}

func (s *hereSession) release() { s.cancel() }

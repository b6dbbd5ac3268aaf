package clipboard

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// osc52Set returns the sequence that makes a terminal put text on its clipboard,
// wrapped for a multiplexer in between.
//
// It ends with BEL, which every terminal accepts, and not with ST, which GNU screen
// would take for the end of its own wrapping.
func osc52Set(text string, env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(text), env)
}

// osc52Clear overwrites the clipboard and then empties it. Some terminals ignore an
// empty text, and a space stays there.
func osc52Clear(env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(" ")+ansi.ResetSystemClipboard, env)
}

// screenLimit is how many bytes GNU screen passes on in one piece: its MAXSTR is
// 768 since 4.1, and was 256 before.
const screenLimit = 250

// wrap returns the sequence in a form that reaches the terminal outside a
// multiplexer.
func wrap(seq string, env func(string) string) string {
	switch {
	case env("STY") != "":
		return ansi.ScreenPassthrough(seq, screenLimit)
	case env("TMUX") != "":
		// tmux handles the sequence itself with set-clipboard on, and passes it on with
		// allow-passthrough on. Neither is the default, and both may be set.
		return seq + ansi.TmuxPassthrough(seq)
	}
	return seq
}

// Caveats of a copy by OSC 52. Terminals do not answer it, and only a few can say what
// their clipboard holds, in an answer that looks like typing.
const (
	unconfirmed     = "the terminal was asked to copy it and does not say whether it did"
	caveatTerminal  = unconfirmed + "; when the time comes its clipboard is cleared, whatever it holds then, if this session still lasts"
	caveatUntilQuit = unconfirmed + "; its clipboard is cleared when the time comes or kitekey quits, whatever it holds then"
	caveatStays     = unconfirmed + "; nothing can clear it later, because this terminal ends with kitekey"
)

// copyOSC52 sends the sequence to the terminal itself, and leaves the clearing to a
// helper that opens the terminal's device again when the time has come. A helper
// that kept the device open would keep the system from freeing the terminal of a
// closed session.
//
// If this process leads the terminal's session ("ssh -t host kitekey"), the
// terminal ends with it, and no helper can clear it afterwards.
func (c *Clipboard) copyOSC52(ctx context.Context, req request, secret []byte) (session, Receipt, error) {
	receipt := Receipt{Way: OSC52, ClearsAt: req.ClearAt, Caveat: unconfirmed}
	var s session = c.clearHere(time.Time{})
	req.Terminal = findTTY(c.terminal)
	if !req.ClearAt.IsZero() {
		var helper session
		if req.Terminal.Device != "" && req.Terminal.Leader != os.Getpid() {
			if h, _, err := startHelper(ctx, c.helper, c.env, req, nil); err == nil {
				helper = h
			}
		}
		switch {
		case helper != nil:
			s, receipt.Caveat = helper, caveatTerminal
		case c.stays:
			s, receipt.Caveat = c.clearHere(req.ClearAt), caveatUntilQuit
		default:
			receipt.ClearsAt, receipt.Caveat = time.Time{}, caveatStays
		}
	}
	// In one write, so that nothing comes in between.
	if _, err := io.WriteString(c.terminal, osc52Set(string(secret), c.env)); err != nil {
		s.release()
		return nil, Receipt{}, err
	}
	return s, receipt, nil
}

// tty is a terminal that a helper can find again.
type tty struct {
	Device string `json:"device"` // such as /dev/pts/3
	// Leader is the process id of the session's leader, usually a shell. While it
	// lives, the device is still the same terminal.
	Leader int `json:"leader"`
}

// terminalClearer clears a terminal's clipboard.
type terminalClearer struct{ tty }

func (t terminalClearer) Lost() <-chan struct{} { return nil }
func (t terminalClearer) Gone() <-chan struct{} { return nil }

func (t terminalClearer) ended() bool { return !t.sameTerminal() }

func (t terminalClearer) Clear(func() bool) error {
	if !t.sameTerminal() {
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

func (t terminalClearer) Release() {}

// clearHere clears from this process, for a terminal that no helper can find: at
// the given time if it is not zero, and when it is told to.
func (c *Clipboard) clearHere(at time.Time) *hereSession {
	ctx, cancel := context.WithCancel(context.Background())
	s := &hereSession{cancel: cancel, done: make(chan struct{})}
	s.wipe = sync.OnceValue(func() error {
		defer close(s.done)
		_, err := io.WriteString(c.terminal, osc52Clear(c.env))
		return err
	})
	if !at.IsZero() {
		go func() {
			<-after(ctx, at)
			if ctx.Err() == nil {
				_ = s.wipe()
			}
		}()
	}
	return s
}

// hereSession is a copy that this process clears itself.
type hereSession struct {
	cancel func()
	wipe   func() error  // clears, once
	done   chan struct{} // closed when it is done
}

func (s *hereSession) clear(context.Context) error {
	s.cancel()
	return s.wipe()
}

func (s *hereSession) release() { s.cancel() }

func (s *hereSession) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return s.wipe()
	}
}

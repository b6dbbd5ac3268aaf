package tui

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"kitekey/ui/process"
)

// terminalInput is the terminal as Bubble Tea reads it. Bubble Tea keeps what was
// typed or pasted last in a buffer of its own, in which later input comes to lie
// over it. So that nothing of a secret stays there once the screen is locked,
// overwrite puts input there that means nothing.
type terminalInput struct {
	*os.File
	filter inputFilter
	ready  []byte      // filtered, and more than was asked for
	gone   func(error) // told when the terminal is

	mu     sync.Mutex
	read   int           // bytes since it was overwritten last
	blanks int           // how many reads are answered with blanks
	done   chan struct{} // closed when they have arrived, nil when nothing waits for it
}

// newTerminalInput is nil where Bubble Tea should open its input by itself: on
// Windows it reads no bytes, and without a terminal on stdin it looks for one. gone
// is called when the terminal is.
func newTerminalInput(stdin *os.File, gone func(error)) *terminalInput {
	if runtime.GOOS == "windows" || !term.IsTerminal(int(stdin.Fd())) {
		return nil
	}
	return &terminalInput{File: stdin, gone: gone}
}

// Read implements [io.Reader].
func (t *terminalInput) Read(b []byte) (int, error) {
	if n := t.blank(b); n > 0 {
		return n, nil
	}
	if len(t.ready) > 0 {
		n := copy(b, t.ready)
		clear(t.ready[:n])
		t.ready = t.ready[n:]
		return n, nil
	}
	n, err := t.File.Read(b[:max(len(b)-len(pasteEnd), 1)])
	if err != nil || n == 0 {
		// Closed while SIGHUP is ignored, a terminal shows only here that it is gone.
		// Bubble Tea would go on without it.
		t.gone(fmt.Errorf("the terminal is gone: %w", cmp.Or(err, io.EOF)))
		return n, err
	}
	t.mu.Lock()
	t.read += n
	t.mu.Unlock()
	out := t.filter.filter(b[:n], time.Now())
	n = copy(b, out)
	t.ready = append([]byte(nil), out[n:]...)
	return n, nil
}

// drain reads what the terminal still answers to questions of a screen that was
// closed right after it had opened: the shell would take it for something typed.
func (t *terminalInput) drain(d time.Duration) {
	if t == nil {
		return
	}
	fd := int(t.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return
	}
	defer func() { _ = term.Restore(fd, state) }()
	time.Sleep(d)
	flushInput(fd)
}

// blank fills b with an application program command (APC), which is for terminals
// and which Bubble Tea skips.
func (t *terminalInput) blank(b []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.blanks == 0 && t.done != nil {
		close(t.done)
		t.done = nil
	}
	if t.blanks == 0 {
		return 0
	}
	t.blanks--
	return copy(b, "\x1b_"+strings.Repeat(" ", len(b)-4)+"\x1b\\")
}

// overwrite asks for blanks to be read, and gives a channel that is closed when
// they were. They come with the next input: the returned command asks the terminal
// for some. A terminal that does not answer has them before the next key.
func (t *terminalInput) overwrite() (tea.Cmd, <-chan struct{}) {
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	const readSize = 4096 // of Bubble Tea; its buffer is at most some times what came at once
	t.blanks, t.read = min(4+4*t.read/readSize, 64), 0
	if t.done == nil {
		t.done = make(chan struct{})
	}
	return tea.Raw(ansi.RequestPrimaryDeviceAttributes), t.done
}

// How long locking waits: for the terminal's answer, for the frame without secrets
// to take the place of the one with them, and until everything else that was under
// way has ended.
const (
	blanksWait = time.Second
	frameWait  = 200 * time.Millisecond
	restWait   = 2 * time.Second
)

// forgetMemory overwrites what secrets have left in memory that is no longer used,
// and once more when what has been stopped meanwhile has let go of the rest. done is
// called in between, and may be nil.
func forgetMemory(ctx context.Context, overwritten <-chan struct{}, done func()) {
	if overwritten != nil {
		select {
		case <-overwritten:
		case <-time.After(blanksWait):
		case <-ctx.Done():
		}
		pause(ctx, frameWait)
	}
	process.OverwriteFreed()
	if done != nil {
		done()
	}
	if overwritten != nil {
		pause(ctx, restWait)
		process.OverwriteFreed()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

package tui

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"kitekey/ui/process"
)

// terminalInput is the terminal as Bubble Tea reads it. Bubble Tea keeps the last
// input in a buffer that later input overwrites. overwrite sends meaningless input
// there, so that no part of a secret stays in the buffer once the screen is locked. The
// first read returns such input too: the buffer is then large enough for most input, and
// does not leave smaller ones in freed memory as it grows.
type terminalInput struct {
	*os.File
	filter inputFilter
	given  [2][]byte   // what the last two reads were to fill, to be cleared
	typing bool        // within a large text that the terminal types
	ready  []byte      // filtered input that Bubble Tea has not read yet
	gone   func(error) // called when the terminal is gone

	mu     sync.Mutex
	read   int           // bytes since it was last overwritten
	blanks int           // how many reads are still to be answered with blanks
	done   chan struct{} // closed when the blanks have been read; nil if nothing waits for them
}

// newTerminalInput returns nil if Bubble Tea should open its input itself: on
// Windows it does not read bytes, and if stdin is not a terminal it looks for one.
// gone is called when the terminal is gone.
func newTerminalInput(stdin *os.File, gone func(error)) *terminalInput {
	if runtime.GOOS == "windows" || !term.IsTerminal(int(stdin.Fd())) {
		return nil
	}
	return &terminalInput{File: stdin, gone: gone, blanks: 1}
}

// Read implements [io.Reader].
func (t *terminalInput) Read(b []byte) (int, error) {
	// Bubble Tea reads into a new buffer each time, and copies it before it takes the
	// next: when it reads again, it is done with the one before the last.
	clear(t.given[0])
	t.given[0], t.given[1] = t.given[1], b
	if n := t.blank(b); n > 0 {
		return n, nil
	}
	if len(t.ready) > 0 {
		n := copy(b, t.ready)
		clear(t.ready[:n])
		t.ready = t.ready[n:]
		return n, nil
	}
	n, err := t.File.Read(b[:max(len(b)-len(pasteStart)-len(pasteEnd), 1)]) // Bubble Tea must get the marks without another read
	if err != nil || n == 0 {
		// If a terminal closes while SIGHUP is ignored, only the read shows it. Bubble
		// Tea would go on without it.
		t.gone(fmt.Errorf("the terminal is gone: %w", cmp.Or(err, io.EOF)))
		return n, err
	}
	t.mu.Lock()
	t.read += n
	t.mu.Unlock()
	out := t.filter.filter(t.marked(b[:n]), time.Now())
	process.ClearStack()
	n = copy(b, out)
	t.ready = append([]byte(nil), out[n:]...)
	return n, nil
}

// largeInput is more than anyone types between two reads, in bytes.
const largeInput = 1 << 10

// restWithin is how soon the next piece of a text that a terminal types comes.
const restWithin = 20 * time.Millisecond

// marked puts the marks of a paste around a text that a terminal types and that is too
// large for one read.
func (t *terminalInput) marked(piece []byte) []byte {
	if !t.typing {
		if len(piece) < largeInput || t.filter.paste || bytes.IndexByte(piece, ansi.ESC) >= 0 {
			return piece
		}
		piece = slices.Concat([]byte(pasteStart), piece)
	}
	if t.typing = moreInput(int(t.Fd()), restWithin); !t.typing {
		piece = slices.Concat(piece, []byte(pasteEnd))
	}
	return piece
}

// drain reads the terminal's late answers to a screen that was closed right after
// it had opened: the shell would take them for typed input.
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

// blank fills b with an application program command (APC), which is meant for
// terminals and which Bubble Tea ignores.
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

// overwrite makes the next reads return blanks, and returns a channel that is
// closed when they have been read. The returned command asks the terminal for an
// answer, to which the blanks are added. If the terminal does not answer, they come
// with the next key.
func (t *terminalInput) overwrite() (tea.Cmd, <-chan struct{}) {
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	const readSize = 4096 // Bubble Tea's read size; its buffer is at most a few times the largest read
	t.blanks, t.read = min(4+4*t.read/readSize, 64), 0
	if t.done == nil {
		t.done = make(chan struct{})
	}
	return tea.Raw(ansi.RequestPrimaryDeviceAttributes), t.done
}

// How long locking waits: for the terminal's answer, for the frame without secrets
// to replace the one with them, and for everything else under way to end.
const (
	blanksWait = time.Second
	frameWait  = 200 * time.Millisecond
	restWait   = 2 * time.Second
)

// forgetMemory overwrites what secrets have left in unused memory, and does so
// again when the tasks that were stopped have released theirs. It calls done in
// between, which may be nil.
func (l *locker) forgetMemory(ctx context.Context, overwritten <-chan struct{}, done func()) {
	if overwritten != nil {
		select {
		case <-overwritten:
		case <-time.After(blanksWait):
		case <-ctx.Done():
		}
		pause(ctx, frameWait)
	}
	l.overwriteFreed()
	if done != nil {
		done()
	}
	if overwritten != nil {
		pause(ctx, restWait)
		l.overwriteFreed()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

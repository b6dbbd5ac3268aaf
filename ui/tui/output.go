package tui

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// terminalOutput is the terminal as Bubble Tea writes to it. Terminals disagree on
// how wide some scripts are (in kitty 0.26 Devanagari moves what follows by a cell
// or two), and people call their accounts what they like. After such text the
// cursor is put where it belongs by our own count, so that no border moves.
//
// Bubble Tea's frames hold stand-ins for revealed secrets. Write puts the secrets in
// their places.
type terminalOutput struct {
	*os.File
	standIns  *standIns
	graphemes atomic.Bool // it measures whole grapheme clusters (mode 2027)
	before    *term.State // how it was; nil when it does not say

	mu      sync.Mutex // one writer at a time, and none while the terminal is the shell's
	entered bool       // the alternate screen was turned on
}

func newTerminalOutput(stdout *os.File, standIns *standIns) *terminalOutput {
	before, err := term.GetState(int(stdout.Fd()))
	if err != nil {
		before = nil
	}
	return &terminalOutput{File: stdout, standIns: standIns, before: before}
}

// Write implements [io.Writer].
func (t *terminalOutput) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entered = t.entered || bytes.Contains(b, []byte(ansi.SetModeAltScreenSaveCursor))
	shown := b
	if with := t.standIns.replace(b); with != nil {
		defer clear(with)
		shown = with
	}
	method := ansi.WcWidth
	if t.graphemes.Load() {
		method = ansi.GraphemeWidth
	}
	if anchored := anchor(shown, method); anchored != nil {
		defer clear(anchored)
		shown = anchored
	}
	if _, err := t.File.Write(shown); err != nil {
		return 0, err
	}
	return len(b), nil
}

// whileAway gives the terminal back as it was, calls f, and takes it again. on and off
// are what turns its modes on and off.
func (t *terminalOutput) whileAway(on, off string, f func()) {
	if t == nil {
		f()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(off)
	if t.before != nil {
		_ = term.Restore(int(t.Fd()), t.before)
	}
	f()
	_, _ = term.MakeRaw(int(t.Fd()))
	t.set(on)
}

// takeBack sets the terminal up again, which may have been given to a shell without
// notice.
func (t *terminalOutput) takeBack(on, off string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = term.MakeRaw(int(t.Fd()))
	t.set(off + on) // some modes are counted
}

// set writes modes, once Bubble Tea has.
func (t *terminalOutput) set(modes string) {
	if t.entered {
		_, _ = t.File.WriteString(modes) // if that fails the terminal is gone, and the input says so
	}
}

// anchor puts every run of disputed text between saving and restoring the cursor,
// and then moves the cursor by the run's width. It returns nil if there is no such
// text.
func anchor(b []byte, method ansi.Method) []byte {
	var out bytes.Buffer
	last := 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		n := disputedRun(b[i:])
		if n == 0 {
			_, size := utf8.DecodeRune(b[i:])
			i += size
			continue
		}
		run := b[i : i+n]
		if last == 0 {
			out.Grow(6 * len(b)) // enough: what grows leaves a copy, and a secret may be in it
		}
		out.Write(b[last:i])
		fmt.Fprintf(&out, "\x1b7%s\x1b8", run)
		if w := method.StringWidth(string(run)); w > 0 {
			fmt.Fprintf(&out, "\x1b[%dC", w)
		}
		i += n
		last = i
	}
	if last == 0 {
		return nil
	}
	out.Write(b[last:])
	return out.Bytes()
}

// disputedRun returns the length of the disputed text at the beginning of b.
func disputedRun(b []byte) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError || !disputed(r) {
			break
		}
		n += size
	}
	return n
}

// undisputed has the scripts and signs that every terminal measures alike.
var undisputed = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian,
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo,
	{R16: []unicode.Range16{
		{0x00a0, 0x00bf, 1}, {0x00d7, 0x00d7, 1}, {0x00f7, 0x00f7, 1},
		{0x2010, 0x2027, 1}, {0x2030, 0x205e, 1}, // punctuation
		{0x20a0, 0x20bf, 1}, {0x2190, 0x21ff, 1}, {0x2200, 0x22ff, 1}, // currencies, arrows, mathematics
		{0x2500, 0x259f, 1}, {0x25a0, 0x25ff, 1}, {0x2713, 0x2718, 1}, // lines, blocks, shapes, ticks
		{0x3000, 0x303f, 1}, {0xac00, 0xd7a3, 1}, {0xff01, 0xff60, 1}, // CJK punctuation, Hangul, full width
	}, LatinOffset: 0},
}

func disputed(r rune) bool {
	if r < 0x80 || r >= 0x2500 && r <= 0x25ff { // the most frequent ones, for speed
		return false
	}
	return !unicode.In(r, undisputed...)
}

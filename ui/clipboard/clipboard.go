// Package clipboard copies a secret and clears it in time.
//
// # What is promised
//
// A copy is gone at its ClearsAt, even if the program that made it has ended long
// before, unless the user has copied something else: that is left alone. Another
// copy starts the time again. [Receipt].Caveat says in words for the user what a
// way cannot promise. If nothing can clear the clipboard later, ClearsAt is zero.
//
// # How
//
// A clipboard that belongs to a process (X11, Wayland) ends with the process, and
// other clipboards (macOS, Windows, tmux, a terminal) last for ever. Both need a
// process that stays: the helper, which is this same binary started with
// [HelperArg] in a session of its own. It gets the secret over a pipe, never as an
// argument or in its environment, keeps nothing of the caller's terminal open, and
// ends when it has cleared the clipboard, at the latest after [MaxStay].
//
// Losing a clipboard does not mean that the user has copied something else: a
// clipboard manager takes the same text over, or restores it when its owner ends.
// So the text on the clipboard decides. If it is still the secret when the time
// comes, the helper overwrites it, lets go, and checks again a moment later.
package clipboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// DefaultClear is how long a copy stays by default, as with pass
// (https://www.passwordstore.org).
const DefaultClear = 45 * time.Second

// MaxSize is the largest secret that can be copied, in bytes. Every way takes that
// much in one piece: an X11 property, a tmux buffer, most terminals' OSC 52.
const MaxSize = 64 << 10

// Way names one way to a clipboard.
type Way string

// The ways. [Clipboard.Ways] tells which of them a machine has.
const (
	X11     Way = "X11"
	Wayland Way = "Wayland"
	MacOS   Way = "macOS"
	Windows Way = "Windows"
	Tmux    Way = "tmux"
	OSC52   Way = "OSC 52" // the terminal's own clipboard, set by an escape sequence
)

// Options are the parts of a Clipboard. The zero value uses this process's
// environment and binary, and no terminal.
type Options struct {
	// Env looks up an environment variable; nil means [os.Getenv].
	Env func(string) string
	// Terminal is the terminal to send OSC 52 to; nil if there is none. A sequence is
	// written in one Write. If it is an [os.File], the helper can find the terminal's
	// device and clear it later.
	Terminal io.Writer
	// Helper is the command line that runs [Helper]; empty means this binary with
	// HelperArg.
	Helper []string
	// Stays says that this process goes on after a copy and calls [Clipboard.Close]
	// before it ends, which clears the copies that no helper can clear.
	Stays bool
}

// Receipt has the facts about a copy.
type Receipt struct {
	Way      Way
	ClearsAt time.Time // when it will be gone; zero if nothing clears it
	// Caveat says in words for the user what this way cannot promise, without a full
	// stop; "" if it can promise everything.
	Caveat string
}

// Clipboard copies secrets. Its methods may be called from several goroutines.
type Clipboard struct {
	env      func(string) string
	terminal io.Writer
	helper   []string
	stays    bool

	mu       sync.Mutex
	last     session   // of the last copy, which may have been cleared already
	clearsAt time.Time // when the last copy will be gone
}

// New returns a Clipboard. It does not look at the machine yet.
func New(o Options) *Clipboard {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return &Clipboard{env: o.Env, terminal: o.Terminal, helper: o.Helper, stays: o.Stays}
}

// Errors of Copy that a caller may want to tell apart.
var (
	ErrEmpty   = errors.New("there is nothing to copy")
	ErrTooBig  = fmt.Errorf("more than %d KiB does not fit on every clipboard", MaxSize>>10)
	ErrExpired = errors.New("nothing was copied: the time to clear it has passed already")
	ErrNoWay   = errors.New("no clipboard can be reached from here")
)

// Copy puts secret on the clipboard by the best way that works, to be cleared at
// clearAt by the local wall clock, and after [MaxStay] at the latest. If clearAt is
// zero, the copy stays as long as the clipboard keeps it without its owner, or else
// for MaxStay. The caller may overwrite secret afterwards.
//
// If ctx ends, the attempt ends. A copy that was made stays until clearAt.
func (c *Clipboard) Copy(ctx context.Context, secret []byte, clearAt time.Time) (Receipt, error) {
	switch {
	case len(secret) == 0:
		return Receipt{}, ErrEmpty
	case len(secret) > MaxSize:
		return Receipt{}, ErrTooBig
	case !clearAt.IsZero() && !time.Now().Before(clearAt):
		return Receipt{}, ErrExpired
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ways := c.candidates()
	if len(ways) == 0 {
		return Receipt{}, c.noWay()
	}
	var failed []string
	limit := time.Now().Add(MaxStay)
	for _, w := range ways {
		at := clearAt
		if at.After(limit) || at.IsZero() && (w.way == X11 || w.way == Wayland) {
			at = limit
		}
		s, receipt, err := c.copyBy(ctx, w, secret, at)
		if err == nil {
			if c.last != nil {
				c.last.release()
			}
			c.last, c.clearsAt = s, receipt.ClearsAt
			return receipt, nil
		}
		if ctx.Err() != nil {
			return Receipt{}, ctx.Err()
		}
		failed = append(failed, fmt.Sprintf("%s: %v", w.way, err))
	}
	return Receipt{}, fmt.Errorf("nothing was copied (%s)", strings.Join(failed, "; "))
}

// Clear clears the clipboard now, if the last copy of this Clipboard is still on it.
func (c *Clipboard) Clear(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return nil
	}
	err := c.last.clear(ctx)
	if err == nil {
		c.last = nil
	}
	return err
}

// ClearsAt returns when the last copy will be gone; zero if nothing clears it, or if
// there is none.
func (c *Clipboard) ClearsAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clearsAt
}

// Wait returns when the last copy need not be cleared any more: nil if the
// clipboard was cleared or holds something else, or otherwise why it could not be
// cleared. If ctx ends first, it returns ctx's error.
func (c *Clipboard) Wait(ctx context.Context) error {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last == nil {
		return nil
	}
	return last.wait(ctx)
}

// Close clears the last copy if nothing can clear it once this process has ended.
// It leaves copies that have a helper.
func (c *Clipboard) Close(ctx context.Context) error {
	c.mu.Lock()
	_, here := c.last.(*hereSession)
	c.mu.Unlock()
	if !here {
		return nil
	}
	return c.Clear(ctx)
}

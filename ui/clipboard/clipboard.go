// Package clipboard copies a secret and clears it in time.
//
// # What is promised
//
// A copy is gone at its ClearsAt, also when the program that made it has ended long
// before, unless the user has copied something else since: that is left alone.
// Making another copy starts the time anew. What a way cannot promise it says in
// [Receipt].Caveat, in words for the user, and where nothing can clear the clipboard
// later ClearsAt is zero.
//
// # How
//
// A clipboard that is owned by a process (X11, Wayland) dies with that process, and
// one that is not (macOS, Windows, tmux, a terminal) lives for ever. Both need a
// process that stays: the helper, which is this same binary started again with
// [HelperArg] in a session of its own. It gets the secret over a pipe, never as an
// argument or in its environment, holds nothing of the caller's terminal, and ends
// when it has cleared the clipboard, at the latest after [MaxStay].
//
// Losing a clipboard does not mean that the user has copied something else: a
// clipboard manager takes the same text over, or restores it when its owner goes.
// So what counts when the time comes is the text that is there. If it is still the
// secret, the helper overwrites it, lets go, and looks again a moment later.
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

// DefaultClear is how long a copy stays when the user has not said otherwise. It
// is the time pass (https://www.passwordstore.org) made known.
const DefaultClear = 45 * time.Second

// MaxSize is the largest secret that can be copied, in bytes. Every way takes
// that much in one piece: an X11 property, a tmux buffer, most terminals' OSC 52.
const MaxSize = 64 << 10

// Way names one way to a clipboard.
type Way string

// The ways there are. Which of them a machine has, [Clipboard.Ways] tells.
const (
	X11     Way = "X11"
	Wayland Way = "Wayland"
	MacOS   Way = "macOS"
	Windows Way = "Windows"
	Tmux    Way = "tmux"
	OSC52   Way = "OSC 52" // the terminal's own clipboard, set by an escape sequence
)

// Options say what a Clipboard works with. The zero value uses this process's
// environment and binary, and no terminal.
type Options struct {
	// Env looks up an environment variable; nil is [os.Getenv].
	Env func(string) string
	// Terminal is the terminal to send OSC 52 to; nil when there is none.
	// A sequence is written in one Write. Give it an [os.File] where there is one:
	// the helper then finds the terminal's device and can clear it later.
	Terminal io.Writer
	// Helper is the command line that runs [Helper]; empty is this binary with
	// HelperArg.
	Helper []string
	// Stays says that this process goes on after a copy and calls [Clipboard.Close]
	// before it ends. Copies that no helper can clear are then cleared by it.
	Stays bool
}

// Receipt says what became of a copy.
type Receipt struct {
	Way      Way
	ClearsAt time.Time // when it will be gone by; zero is that nothing clears it
	// Caveat is what this way cannot promise, in words for the user, without a
	// full stop; empty when it can promise everything.
	Caveat string
}

// Clipboard copies secrets. Its methods may be called from several goroutines.
type Clipboard struct {
	env      func(string) string
	terminal io.Writer
	helper   []string
	stays    bool

	mu   sync.Mutex
	last session // of the last copy, which may be gone by now
}

// New returns a Clipboard. It looks at nothing yet.
func New(o Options) *Clipboard {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return &Clipboard{env: o.Env, terminal: o.Terminal, helper: o.Helper, stays: o.Stays}
}

// Errors of Copy that a caller may want to tell apart.
var (
	ErrEmpty   = errors.New("there is nothing to copy")
	ErrTooBig  = fmt.Errorf("more than %d KiB do not fit on every clipboard", MaxSize>>10)
	ErrExpired = errors.New("nothing was copied: the time to clear it has passed already")
	ErrNoWay   = errors.New("no clipboard can be reached from here")
)

// Copy puts secret on the clipboard by the best way that works, to be cleared at
// clearAt by the local wall clock, and after [MaxStay] at the latest. The zero time
// leaves it there where a clipboard keeps what its owner has left, and for MaxStay
// elsewhere. The caller may overwrite secret afterwards.
//
// When ctx ends, so does the attempt; a copy that was made stays until clearAt.
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
			c.last = s
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

// Wait returns when the last copy is looked after no longer: nil when the clipboard
// was cleared or holds something else, otherwise why it could not be cleared. It
// returns ctx's error when ctx ends before.
func (c *Clipboard) Wait(ctx context.Context) error {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last == nil {
		return nil
	}
	return last.wait(ctx)
}

// Close clears the last copy if nothing can clear it once this process has ended. It
// leaves the copies that a helper looks after.
func (c *Clipboard) Close(ctx context.Context) error {
	c.mu.Lock()
	_, here := c.last.(*hereSession)
	c.mu.Unlock()
	if !here {
		return nil
	}
	return c.Clear(ctx)
}

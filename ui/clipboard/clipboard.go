// Package clipboard copies a secret and takes it back in time.
//
// # What is promised
//
// A copy is gone at its ClearsAt, also when the program that made it has ended
// long before, unless the user has copied something else since: that is left
// alone. Making another copy starts the time anew. What a way cannot promise it
// says in [Receipt].Caveat, in words for the user.
//
// # How
//
// A clipboard that is owned by a process (X11, Wayland) dies with that process,
// and one that is not (macOS, Windows, tmux, a terminal) lives for ever. Both
// need somebody who stays: the helper, which is this same binary started again
// with [HelperArg] in a session of its own. It gets the secret over a pipe, never
// as an argument or in its environment, holds nothing of the caller's terminal,
// and ends when the time is up or another application has copied.
//
// Where a clipboard has an owner there is nothing to compare when the time comes:
// the helper stops being the owner, and if it no longer was, nothing happens.
// Where it has none the helper compares a change count, a sequence number, or a
// hash, and clears only what is still its own.
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
}

// Receipt says what became of a copy.
type Receipt struct {
	Way      Way
	ClearsAt time.Time // when it will be gone by; zero is never
	// Caveat is what this way cannot promise, in words for the user, without a
	// full stop; empty when it can promise everything.
	Caveat string
}

// Clipboard copies secrets. Its methods may be called from several goroutines.
type Clipboard struct {
	env      func(string) string
	terminal io.Writer
	helper   []string

	mu   sync.Mutex
	last session // of the last copy, which may be gone by now
}

// New returns a Clipboard. It looks at nothing yet.
func New(o Options) *Clipboard {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return &Clipboard{env: o.Env, terminal: o.Terminal, helper: o.Helper}
}

// Errors of Copy that a caller may want to tell apart.
var (
	ErrEmpty   = errors.New("there is nothing to copy")
	ErrTooBig  = fmt.Errorf("more than %d KiB do not fit on every clipboard", MaxSize>>10)
	ErrExpired = errors.New("nothing was copied: it would have been taken back already")
	ErrNoWay   = errors.New("no clipboard can be reached from here")
)

// Copy puts secret on the clipboard by the best way that works, to be gone at
// clearAt by the local wall clock; the zero time leaves it there. The caller may
// overwrite secret afterwards.
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
	for _, w := range ways {
		s, caveat, err := c.copyBy(ctx, w, secret, clearAt)
		if err == nil {
			if c.last != nil {
				c.last.release()
			}
			c.last = s
			return Receipt{Way: w.way, ClearsAt: clearAt, Caveat: caveat}, nil
		}
		if ctx.Err() != nil {
			return Receipt{}, ctx.Err()
		}
		failed = append(failed, fmt.Sprintf("%s: %v", w.way, err))
	}
	return Receipt{}, fmt.Errorf("nothing was copied (%s)", strings.Join(failed, "; "))
}

// Clear takes the last copy of this Clipboard back now, if it is still there.
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

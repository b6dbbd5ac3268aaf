// Package plain is kitekey as a conversation: it reads one line, writes a few, and
// never changes what it has written. It is for screen readers, Braille displays and
// very simple terminals. It can do what the screen can.
//
// # What it says
//
// It says sentences, each on a line. It speaks of a profile as "acme sandbox" or
// "acme LIVE", so that a listener cannot miss live. It begins with totals, not with
// a list. Every word that it tells the user to type is a command.
//
// # What it announces
//
// While it waits for a line it announces when the tokens that it handed out are low
// and when they have expired, and what keep-alive did. It announces nothing while a
// secret is being typed.
package plain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"kitekey/kite"
	"kitekey/ui/clipboard"
	"kitekey/ui/handout"
	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
)

// Clipboard copies a secret and clears it in time. [*clipboard.Clipboard] is one.
type Clipboard interface {
	handout.Clipboard
	Clear(ctx context.Context) error
}

// Options are the parts of a conversation. Only Vault and Clipboard are required.
type Options struct {
	Vault     *vault.Vault
	Clipboard Clipboard

	Demo        bool                          // say that this is a demonstration
	SandboxOnly bool                          // do not list live profiles
	Overrides   []words.Override              // base URL overrides in force
	BaseURL     func(kite.Environment) string // nil means [kite.Environment.BaseURL]
	Version     string                        // kitekey's version, for reports

	ClearAfter time.Duration // how long a copy stays in the clipboard; 0 means [clipboard.DefaultClear]
	NoNotices  bool          // announce nothing
	NoReveal   bool          // never show secrets

	Input  io.Reader // nil means the terminal
	Output io.Writer // nil means the terminal
	Now    func() time.Time
}

// promptWait is how long the store may take while it asks the user something.
const promptWait = 2 * time.Minute

// conversation is one run of plain mode.
type conversation struct {
	o        Options
	tokens   *handout.Tokens
	profiles []vault.Profile
	chosen   vault.Selector                  // the chosen profile, zero if there is none
	reports  map[vault.Selector]vault.Report // the last one of each profile in this run
	handed   map[vault.Selector]handed       // tokens that were handed out in this run
	lastRun  run                             // the last verification of many
	removed  vault.Removals                  // profiles that can be put back
	keep     keepAlive
	notices  []string // what keep-alive has to announce
	now      func() time.Time
}

// handed is a token whose expiry is announced.
type handed struct {
	deadline time.Time
	lowAt    time.Time
	toldLow  bool
}

// Run converses until "quit", the end of the input, or the end of ctx, whose error
// it returns.
func Run(ctx context.Context, o Options) error {
	if o.Input == nil {
		o.Input = os.Stdin
	}
	if o.Output == nil {
		o.Output = os.Stdout
	}
	if o.ClearAfter == 0 {
		o.ClearAfter = clipboard.DefaultClear
	}
	if o.BaseURL == nil {
		o.BaseURL = kite.Environment.BaseURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &conversation{
		o:       o,
		tokens:  &handout.Tokens{Vault: o.Vault, Guard: &handout.Guard{Remember: handout.ScreenMemory, Now: o.Now}, Clipboard: o.Clipboard, BaseURL: o.BaseURL, Now: o.Now},
		reports: map[vault.Selector]vault.Report{}, handed: map[vault.Selector]handed{},
		now: func() time.Time { return o.Now().Round(0) },
	}
	defer c.removed.Erase()
	ctx, cancel := context.WithCancel(vault.WithPromptTold(ctx, promptWait, c.sayAsking))
	defer cancel()
	return c.run(ctx)
}

// sayAsking says why nothing happens, once.
func (c *conversation) sayAsking() {
	c.say("The keyring is asking for your permission or your password, in a window of its own. Waiting for the answer.")
}

func (c *conversation) run(ctx context.Context) error {
	c.say("kitekey, plain mode.")
	if c.o.Demo {
		c.say("This is a demonstration; nothing is stored.")
	}
	if c.o.SandboxOnly {
		c.say("Sandbox only: live profiles are not listed.")
	}
	for _, o := range c.o.Overrides {
		c.say("Override in force: %s.", o)
	}
	if err := c.load(); err != nil {
		return err
	}
	c.sayTotals()
	for {
		text := "> "
		if c.chosen.Account != "" {
			text = speak(c.chosen) + "> "
		}
		line, err := c.ask(ctx, text)
		if err == nil {
			err = c.do(ctx, strings.TrimSpace(line))
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errQuit):
			return nil
		case errors.Is(err, io.EOF):
			c.say("")
			return nil
		case errors.Is(err, prompt.ErrInterrupted):
			return err
		case err != nil:
			c.sayError(err)
		}
	}
}

// say writes a sentence or a few as a line.
func (c *conversation) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.o.Output, format+"\n", args...)
}

// sayError says what failed and what to do next.
func (c *conversation) sayError(err error) {
	var refused *handout.NotConfirmedError
	if errors.As(err, &refused) {
		c.say("That is not its name; nothing was done.")
		return
	}
	if errors.Is(err, errNo) {
		c.say("Nothing was done.")
		return
	}
	c.say("Failed: %s", words.Sentence(words.Line(err.Error())))
	if next := words.NextStep(err, ways()); next != "" {
		c.say("Next: %s", words.Sentence(next))
	}
}

// load reads the profiles again: another kitekey may have changed them.
func (c *conversation) load() error {
	all, err := c.o.Vault.List()
	if err != nil {
		return err
	}
	c.profiles = all[:0:0]
	for _, p := range all {
		if c.o.SandboxOnly && p.Environment == kite.Live {
			continue
		}
		p.Label = words.Line(p.Label)
		c.profiles = append(c.profiles, p)
	}
	return nil
}

// current returns the chosen profile as it is now.
func (c *conversation) current() (vault.Profile, bool) {
	for _, p := range c.profiles {
		if p.Selector == c.chosen {
			return p, true
		}
	}
	return vault.Profile{}, false
}

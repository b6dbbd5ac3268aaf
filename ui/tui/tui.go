// Package tui is kitekey's screen. It shows the profiles with their verdicts and
// the countdowns of their tokens, and has a key for each action.
//
// # How it is built
//
// [Run] starts one Bubble Tea program with one model, app. app.go holds its state
// and routes messages. The other files are named for what they show: list.go,
// detail.go, countdown.go, mint.go, verify.go and so on. A form, a question and the
// help are dialogs, which lie over the panes; the topmost one gets the keys.
//
// # Rules
//
// Update never waits. Everything that uses the store, the gateway, the disk or the
// clipboard is a task (task.go): it runs in the background with a context and a
// number, and its reply is dropped if the task was stopped or replaced.
//
// Time is the wall clock, read once per message into app.now. A token's deadline is
// a wall-clock time; no code counts down by subtracting.
//
// No secret is in a message. A task that copies a token hands it to the
// clipboard itself and replies with a receipt; one that shows a credential puts
// it into a holder (reveal.go), which is emptied after 20 seconds. No secret is in a
// frame either: stand-ins are (standin.go), until the frame goes to the terminal.
package tui

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"kitekey/kite"
	"kitekey/ui/clipboard"
	"kitekey/ui/handout"
	"kitekey/ui/process"
	"kitekey/ui/session"
	"kitekey/ui/words"
	"kitekey/vault"
)

// Clipboard copies a secret and clears it in time. [*clipboard.Clipboard] is one.
type Clipboard interface {
	Copy(ctx context.Context, secret []byte, clearAt time.Time) (clipboard.Receipt, error)
	Clear(ctx context.Context) error
	// Wait returns when the last copy need not be cleared any more, with the reason
	// if it could not be cleared.
	Wait(ctx context.Context) error
}

// Options are the parts of the screen and its behaviour. Only Vault and Clipboard
// are required.
type Options struct {
	Vault     *vault.Vault
	Clipboard Clipboard
	Sources   func() ([]string, error) // returns the names of the team's sources; nil if there can be none

	OpenStore  bool   // open the store in the background: its passphrase is in a file, and deriving the key takes seconds
	OtherStore string // store that the user may choose in place of one that cannot be reached, which ends the screen with [ErrUseOtherStore]; "" for none

	Demo        bool                          // say on every screen that this is a demonstration; R ends it with [ErrStartOver]
	Say         string                        // a message to begin with, "" for none
	Script      []Step                        // the steps that the screen plays before it quits
	SandboxOnly bool                          // do not list live profiles
	Overrides   []words.Override              // base URL overrides in force, shown on every screen
	BaseURL     func(kite.Environment) string // for the curl command; nil means [kite.Environment.BaseURL]
	Version     string                        // kitekey's version, for reports

	ClearAfter time.Duration          // how long a copy stays in the clipboard; 0 means [clipboard.DefaultClear]
	Session    <-chan session.Request // requests to lock the screen; nil for none
	LockAfter  time.Duration          // idle time after which the screen locks; 0 means [DefaultLockAfter], negative never

	Theme         Theme // dark, light, or auto: what the terminal says
	ASCII         bool  // borders and marks in ASCII; always so in the C and POSIX locales
	ReducedMotion bool  // change every ten seconds instead of every second
	Mouse         bool  // take clicks; without it the terminal selects text
	NoNotices     bool  // no message before a token expires
	NoBell        bool  // no bell with the message
	NoReveal      bool  // never show secrets

	Input   io.Reader // nil is the terminal
	Environ []string  // nil is [os.Environ]
	Now     func() time.Time

	canSuspend func() bool // nil means the operating system's answer
}

// framesPerSecond is how often the renderer looks for changes. It bounds the time
// from a key to its effect on the screen (33 ms) and the time to the first frame
// (about 40 ms), and it determines the cost of an idle screen: about 0.4 % of a
// core, against 0.65 % at 60 and 0.13 % at 10, where the first frame takes 106 ms.
const framesPerSecond = 30

// DefaultLockAfter is the idle time after which the screen locks by default.
const DefaultLockAfter = 10 * time.Minute

func (o *Options) setDefaults() {
	if o.ClearAfter == 0 {
		o.ClearAfter = clipboard.DefaultClear
	}
	if o.LockAfter == 0 {
		o.LockAfter = DefaultLockAfter
	}
	if o.BaseURL == nil {
		o.BaseURL = kite.Environment.BaseURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.canSuspend == nil {
		o.canSuspend = canSuspend
	}
	if o.Theme == "" {
		o.Theme = ThemeAuto
	}
	o.ASCII = o.ASCII || plainLocale(o.Environ)
}

// A screen that is closed within drainWithin, before the terminal has answered what
// its background is, waits drainFor for the answer.
const (
	drainWithin = 3 * time.Second
	drainFor    = 150 * time.Millisecond
)

// getenv is os.Getenv for an environment in the form of os.Environ.
func getenv(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// plainLocale reports whether the locale has only ASCII, or a character set that is not
// UTF-8: "de_DE.ISO-8859-1". One that names no character set counts as UTF-8.
func plainLocale(environ []string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(environ, name); value != "" {
			_, charset, named := strings.Cut(value, ".")
			charset, _, _ = strings.Cut(charset, "@")
			return value == "C" || value == "POSIX" || named && !strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "utf8")
		}
	}
	return false
}

// Run shows the screen until the user quits or ctx ends, and leaves the terminal as
// it was. The caller's ctx should end on SIGINT, SIGTERM, SIGHUP and SIGQUIT. Run
// handles the signals that stop kitekey or would kill it (SIGTSTP, SIGCONT,
// SIGABRT). The error is nil if the user quit, and ctx's error if it ended.
func Run(ctx context.Context, o Options) error {
	// Bubble Tea would write everything it draws, revealed secrets included, into the
	// file that this variable names.
	if err := os.Unsetenv("TEA_TRACE"); err != nil {
		return err
	}
	parent := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil) // ends every task
	a := newApp(ctx, o)
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond),
		tea.WithEnvironment(a.o.Environ),
	}
	if o.Input != nil {
		options = append(options, tea.WithInput(o.Input))
	} else if a.term.input = newTerminalInput(os.Stdin, cancel); a.term.input != nil {
		options = append(options, tea.WithInput(a.term.input))
	}
	a.term.output = newTerminalOutput(os.Stdout, a.reveal.standIns)
	options = append(options, tea.WithOutput(a.term.output))
	program := tea.NewProgram(a, options...)
	watchSignals(ctx, cancel, program.Send, a.term.signals)
	if len(o.Script) > 0 {
		go play(ctx, o.Script, program.Send)
	}
	_, err := program.Run()
	if a.bg == unknown && a.now.Sub(a.term.started) < drainWithin {
		a.term.input.drain(drainFor)
	}
	a.reveal.hide()
	a.removed.Erase()
	a.remember()
	switch {
	case ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled):
		return cmp.Or(parent.Err(), context.Cause(ctx))
	case err == nil && a.startOver:
		return ErrStartOver
	case err == nil && a.otherStore:
		return ErrUseOtherStore
	}
	return err
}

// newApp returns the model. Its tasks end with ctx. The store asks the user nothing
// but in a task, which the screen shows.
func newApp(ctx context.Context, o Options) *app {
	o.setDefaults()
	ctx = vault.WithPrompt(ctx, 0)
	a := &app{
		o: o, ctx: ctx, keys: bindings(), mouse: o.Mouse,
		canvas:  canvas{now: o.Now().Round(0), bg: backgroundOf(o.Theme, getenv(o.Environ, "COLORFGBG")), profile: colorprofile.TrueColor, ascii: o.ASCII, still: o.ReducedMotion},
		expiry:  expiryWatch{watched: map[string]bool{}, warned: map[string]time.Time{}},
		guard:   &handout.Guard{Remember: handout.ScreenMemory, Now: o.Now},
		results: results{reports: map[string]vault.Report{}, uncached: map[string]vault.TokenInfo{}},
		term:    terminal{signals: &signals{}},
		reveal:  revealed{standIns: &standIns{}},
	}
	if o.Demo {
		a.keys = demoBindings()
	}
	a.tokens = &handout.Tokens{Vault: o.Vault, Guard: a.guard, Clipboard: o.Clipboard, BaseURL: o.BaseURL, Now: o.Now}
	a.lock = locker{lastInput: a.now, overwriteFreed: process.OverwriteFreed}
	a.term.started = a.now
	a.list.filter = newTextInput("type to filter")
	a.restyle()
	a.recall()
	if o.Say != "" {
		a.notify(warning, o.Say)
	}
	return a
}

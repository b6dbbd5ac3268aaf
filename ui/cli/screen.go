package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kitekey/ui/clipboard"
	"kitekey/ui/plain"
	"kitekey/ui/session"
	"kitekey/ui/tui"
	"kitekey/vault"
	"kitekey/vault/agefile"
)

// screenFlags are the flags of the screen, for "kitekey" and "kitekey demo".
type screenFlags struct {
	plain         bool
	sandboxOnly   bool
	theme         tui.Theme
	ascii         bool
	reducedMotion bool
	mouse         bool
	noNotices     bool
	noBell        bool
	noReveal      bool
	clearAfter    time.Duration
	lockAfter     time.Duration // never means that it does not lock when idle
}

// newScreenFlags adds the flags to a command.
func newScreenFlags(cmd *cobra.Command) *screenFlags {
	s := &screenFlags{clearAfter: clipboard.DefaultClear, lockAfter: tui.DefaultLockAfter}
	f := cmd.Flags()
	f.BoolVar(&s.plain, "plain", false, "line by line in place of the screen, for screen readers")
	f.BoolVar(&s.sandboxOnly, "sandbox-only", false, "list sandbox profiles only")
	f.Var(&s.theme, "theme", "colours for a `background`: dark, light or auto; KITEKEY_THEME sets it too")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions([]string{"dark", "light", "auto"}, cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&s.ascii, "ascii", false, "draw with ASCII characters only")
	f.BoolVar(&s.reducedMotion, "reduced-motion", false, "update every ten seconds, not every second")
	f.BoolVar(&s.mouse, "mouse", false, "choose and scroll with the mouse (then select text with shift)")
	f.BoolVar(&s.noNotices, "no-notices", false, "do not warn before a token expires")
	f.BoolVar(&s.noBell, "no-bell", false, "do not ring the bell before a token expires")
	f.BoolVar(&s.noReveal, "no-reveal", false, "never show a secret")
	durationFlag(cmd, &duration{value: &s.clearAfter, least: time.Second, most: 24 * time.Hour},
		"clear-after", "`time` until a copy is cleared from the clipboard")
	durationFlag(cmd, &duration{value: &s.lockAfter, least: time.Second, orNever: true},
		"lock-after", "idle `time` until the screen locks, or \"never\"")
	return s
}

// screenOptions returns the screen's options without its vault.
func (a *app) screenOptions(s *screenFlags) (tui.Options, error) {
	theme, err := a.themeFromEnv()
	if err != nil {
		return tui.Options{}, err
	}
	var terminal io.Writer // plain mode may have none
	if isTerminal(a.Stdout) {
		terminal = a.Stdout
	}
	return tui.Options{
		Clipboard:     a.clipboard(terminal, true),
		Sources:       a.sourcesSetUp,
		SandboxOnly:   s.sandboxOnly,
		Version:       a.Version,
		ClearAfter:    s.clearAfter,
		LockAfter:     s.lockAfter,
		Theme:         cmp.Or(s.theme, theme),
		ASCII:         s.ascii,
		ReducedMotion: s.reducedMotion,
		Mouse:         s.mouse,
		NoNotices:     s.noNotices,
		NoBell:        s.noBell,
		NoReveal:      s.noReveal,
		Environ:       a.Environ,
		Now:           a.Now,
	}, nil
}

// themeFromEnv returns the theme that KITEKEY_THEME names, "" if it names none.
func (a *app) themeFromEnv() (theme tui.Theme, err error) {
	if err := theme.Set(a.getenv(varTheme)); err != nil {
		return "", usagef("%s: %w", varTheme, err)
	}
	return theme, nil
}

// needTerminal returns an error if there is no terminal. Plain mode does not need
// one.
func (a *app) needTerminal(s *screenFlags) error {
	if _, err := a.themeFromEnv(); err != nil {
		return err
	}
	switch {
	case s.plain:
		return nil
	case a.getenv("TERM") == "dumb":
		return usagef(`this terminal (TERM=dumb) cannot show the screen; "kitekey --plain" goes line by line`)
	case isTerminal(a.Stdin) && isTerminal(a.Stdout):
		return nil
	}
	return usagef(`the screen needs a terminal; the commands work without one: see "kitekey --help"`)
}

// runScreen runs kitekey without a command.
func (a *app) runScreen(cmd *cobra.Command, s *screenFlags) error {
	if err := a.needTerminal(s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	var requests <-chan session.Request
	if !s.plain {
		requests = session.Requests(ctx)
	}
	for {
		o, err := a.openScreen(ctx, s)
		if err != nil {
			return err
		}
		o.Session = requests
		if err := show(ctx, o, s); !errors.Is(err, tui.ErrUseOtherStore) {
			return err
		}
		a.storeFlag = o.OtherStore
	}
}

// openScreen opens the vault for the screen. It asks for a passphrase while the
// terminal is still in line mode.
func (a *app) openScreen(ctx context.Context, s *screenFlags) (tui.Options, error) {
	o, err := a.screenOptions(s)
	if err != nil {
		return o, err
	}
	urls, err := a.overrides()
	if err != nil {
		return o, err
	}
	o.Overrides = overrideWords(urls)
	o.BaseURL = a.baseURL
	a.onScreen = false
	if err := a.vetAdoptedCA(); err != nil {
		return o, err
	}
	if o.Vault, err = a.openQuietly(); err != nil {
		return o, err
	}
	o.OtherStore = agefile.Name
	if o.Vault.StoreName() == agefile.Name {
		o.OtherStore = ""
	}
	if !s.plain && a.passphraseInFile() && o.Vault.NeedsPassphrase() {
		o.OpenStore = true
		err = a.checkSecretFile(a.getenv(varPassphraseFile), "passphrase")
	} else {
		err = a.openFileStore(ctx, o.Vault)
	}
	if err != nil {
		return o, err
	}
	a.onScreen = true
	return o, nil
}

// passphraseInFile reports whether a regular file has the passphrase, so that it can be read
// while the screen is open, and again. A pipe may have a person at its other end.
func (a *app) passphraseInFile() bool {
	info, err := os.Stat(a.getenv(varPassphraseFile))
	return a.passphraseFD < 0 && err == nil && info.Mode().IsRegular()
}

// openFileStore asks for the passphrase of the file store, or for a new one if there
// is no file yet: the screen could not ask for it when the first credential is saved.
func (a *app) openFileStore(ctx context.Context, v *vault.Vault) error {
	if v.NeedsPassphrase() {
		return v.Reach(ctx)
	}
	dir, err := a.home()
	if err != nil || v.StoreName() != agefile.Name || agefile.Exists(dir) {
		return err
	}
	passphrase, err := a.storePassphrase(ctx, vault.Ask{New: true})
	if err != nil {
		return err
	}
	defer passphrase.Erase()
	return v.Unlock(ctx, passphrase)
}

// show runs the screen or plain mode. Afterwards it clears the clipboard if nothing
// else can.
func show(ctx context.Context, o tui.Options, s *screenFlags) (err error) {
	if c, ok := o.Clipboard.(*clipboard.Clipboard); ok {
		defer func() {
			if closeErr := c.Close(context.WithoutCancel(ctx)); err == nil {
				err = closeErr
			}
		}()
	}
	if s.plain {
		return plain.Run(ctx, plain.Options{
			Vault: o.Vault, Clipboard: o.Clipboard, Demo: o.Demo, SandboxOnly: o.SandboxOnly, Overrides: o.Overrides, BaseURL: o.BaseURL,
			Version: o.Version, ClearAfter: o.ClearAfter, NoNotices: o.NoNotices, NoReveal: o.NoReveal, Input: o.Input, Now: o.Now,
		})
	}
	return tui.Run(ctx, o)
}

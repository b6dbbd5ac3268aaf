package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

type execOptions struct {
	profile []string // at most one
	argv    []string
	token   tokenFlags
}

func newExec(a *app, run func(context.Context, execOptions) error) *cobra.Command {
	var o execOptions
	cmd := &cobra.Command{
		Use:                   "exec [SELECTOR] [flags] -- COMMAND [ARG…]",
		DisableFlagsInUseLine: true,
		Short:                 "Run a command with a token in its environment",
		Long: `Run a command with a token in its environment:

  KITE_AUTHORIZATION      the Authorization header's value, "JWT …"
  KITE_TOKEN_EXPIRES_AT   when it expires, RFC 3339 in UTC
  KITE_BASE_URL           where to send requests, version included
  KITE_ENVIRONMENT        sandbox or live
  KITE_ACCOUNT            the account's name

The command does not get the credential. It replaces kitekey (on Windows: runs in its
console), so signals, the terminal and the exit code are the command's own; 127 means
that there is no such command, 126 that it cannot be run.

With --expires-in the token has at least nine tenths of that life left, or what
--min-remaining says; if the gateway gives less, the command is not run. Without
either it has at least half of the profile's default; if the gateway gives less,
kitekey warns and runs the command.`,
		Example: `  kitekey exec acme -- npm test
  kitekey exec acme/live --expires-in 15m --min-remaining 10m -- ./reconcile
  kitekey exec acme -- sh -c 'echo "Authorization: $KITE_AUTHORIZATION" | curl -H @- "$KITE_BASE_URL/data/wallets/balances"'`,
		ValidArgsFunction: a.completeExec,
		Args: func(cmd *cobra.Command, args []string) error {
			switch dash := cmd.ArgsLenAtDash(); {
			case dash < 0:
				return usagef(`put "--" before the command: kitekey exec acme -- npm test`)
			case dash > 1 && environmentApart(args[:dash]):
				return usagef("%s", slashHint)
			case dash > 1:
				return usagef(`only one profile can be named before the "--" (got %d)`, dash)
			case dash == len(args):
				return usagef(`no command after the "--": kitekey exec acme -- npm test`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			o.profile, o.argv = args[:dash], args[dash:]
			return run(cmd.Context(), o)
		},
	}
	o.token.register(cmd, leastForProgram)
	return cmd
}

func (a *app) runExec(ctx context.Context, o execOptions) error {
	sel, err := a.selector(o.profile)
	if err != nil {
		return err
	}
	// Look before minting, so that a mistyped command costs no token.
	path, err := a.findCommand(o.argv[0])
	if err != nil {
		return err
	}
	tok, err := a.programToken(ctx, sel, o.token)
	if err != nil {
		return err
	}
	environ := childEnv(a.Environ)
	for _, kv := range a.variables(sel, tok.Token) {
		environ = setenv(environ, kv.name, kv.value.Reveal())
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.run(path, o.argv, environ)
}

// findCommand looks a command up in the user's PATH. kitekey's own PATH is shorter,
// for helpers. Its errors have the exit codes of a shell.
func (a *app) findCommand(name string) (path string, err error) {
	path, err = lookPath(name, a.getenv("PATH"))
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, syscall.EISDIR) || isFolder(name) && errors.Is(err, fs.ErrPermission):
		return "", &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: it is a folder", name), err}
	case errors.Is(err, fs.ErrPermission):
		return "", &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: it is not executable", name), err}
	case errors.Is(err, exec.ErrDot):
		return "", &codeError{exitNoSuchCommand, fmt.Sprintf("%s is in the working folder only; write ./%s to run it", name, name), err}
	}
	return "", &codeError{exitNoSuchCommand, "command not found: " + cmp.Or(name, `""`), err}
}

// lookPath is [exec.LookPath] with another PATH.
func lookPath(name, path string) (string, error) {
	if filepath.Base(name) != name {
		return exec.LookPath(name)
	}
	err := error(&exec.Error{Name: name, Err: exec.ErrNotFound})
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(cmp.Or(dir, "."), name)
		relative := !filepath.IsAbs(candidate)
		if relative {
			candidate = "." + string(filepath.Separator) + candidate
		}
		found, lookErr := exec.LookPath(candidate)
		switch {
		case lookErr == nil && relative:
			return found, &exec.Error{Name: name, Err: exec.ErrDot}
		case lookErr == nil:
			return found, nil
		case errors.Is(lookErr, fs.ErrPermission):
			err = lookErr
		}
	}
	return "", err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

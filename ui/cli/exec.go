package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"github.com/spf13/cobra"
)

func newExec(a *app) *cobra.Command {
	var flags mintFlags
	cmd := &cobra.Command{
		Use:   "exec [SELECTOR] -- COMMAND [ARG…]",
		Short: "Run a command with a token in its environment",
		Long: `Run a command with a token in its environment:

  KITE_AUTHORIZATION      the Authorization header's value, "JWT …"
  KITE_TOKEN_EXPIRES_AT   when it dies, RFC 3339 in UTC
  KITE_BASE_URL           where to send requests, version included
  KITE_ENVIRONMENT        sandbox or live
  KITE_ACCOUNT            the account's name

The key pair is not. The command takes kitekey's place (on Windows: its terminal),
so signals, the terminal and the exit code are its own; 127 means that there is no
such command, 126 that it cannot be run.

A kept token with less life left than --min-remaining is replaced first, and when
even a new one has less the command is not run.`,
		Example: `  kitekey exec acme -- npm test
  kitekey exec acme/live --expires-in 15m --min-remaining 10m -- ./reconcile
  kitekey exec acme -- sh -c 'echo "Authorization: $KITE_AUTHORIZATION" | curl -H @- "$KITE_BASE_URL/data/wallets/balances"'`,
		ValidArgsFunction: a.completeSelectors(false),
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch dash := cmd.ArgsLenAtDash(); {
		case dash < 0:
			return usagef(`put "--" before the command: kitekey exec acme -- npm test`)
		case dash > 1:
			return usagef(`one profile goes before the "--", and %d came`, dash)
		case dash == len(args):
			return usagef(`no command after the "--": kitekey exec acme -- npm test`)
		}
		return nil
	}
	flags.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, dash := cmd.Context(), cmd.ArgsLenAtDash()
		m := flags.mint()
		sel, err := a.selector(args[:dash])
		if err != nil {
			return err
		}
		argv := args[dash:]
		// Before minting: a mistyped command costs no token.
		path, err := exec.LookPath(argv[0])
		switch {
		case errors.Is(err, fs.ErrPermission):
			return &codeError{exitNotRunnable, fmt.Sprintf("%s cannot be run: it is not executable", argv[0]), err}
		case errors.Is(err, exec.ErrDot):
			return &codeError{exitNoSuchCommand, fmt.Sprintf("%s is found in the working folder only; write ./%s to run it", argv[0], argv[0]), err}
		case err != nil:
			return &codeError{exitNoSuchCommand, fmt.Sprintf("there is no command %s", argv[0]), err}
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		tok, err := a.token(ctx, v, sel, m)
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
		return a.run(path, argv, environ)
	}
	return cmd
}

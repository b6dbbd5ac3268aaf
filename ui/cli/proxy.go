package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/kite/proxy"
	"kitekey/vault"
)

// proxyGrace is what requests under way get when the proxy is told to stop.
const proxyGrace = 3 * time.Second

func newProxy(a *app) *cobra.Command {
	var (
		listen, confirm string
		expiresIn       kite.Lifetime
		asJSON, quiet   bool
	)
	cmd := &cobra.Command{
		Use:   "proxy [SELECTOR]",
		Short: "Let any tool on this machine call the API without a token",
		Long: `Listen on a loopback address and pass requests on to the gateway with a valid
Authorization header, renewed in time. The first line on stdout is the base URL to
use in place of the gateway's.

That URL has a random part, new with each run: whoever knows it can spend what the
account holds. Requests from web pages, for other hosts and for minting are turned
away, redirects are not passed on, and bodies are not logged. Live needs --confirm.
It runs until ctrl-c.`,
		Example: `  kitekey proxy acme
  kitekey proxy acme --listen 127.0.0.1:8080 --json
  kitekey proxy acme/live --confirm acme/live
  curl "$URL/data/wallets/balances"        where URL is what it printed`,
		Args:              argCount(0, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:0", "loopback `address` and port; port 0 takes a free one")
	f.Var(&expiresIn, "expires-in", "`life` to mint with: 300, 90s, 1h30m, 2d (default: the profile's)")
	f.StringVar(&confirm, "confirm", "", "the `profile`'s name, needed for live")
	f.BoolVar(&asJSON, "json", false, "print the base URL and what is behind it as JSON")
	f.BoolVarP(&quiet, "quiet", "q", false, "do not log requests")
	_ = cmd.RegisterFlagCompletionFunc("confirm", a.completeSelectors(false))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		sel, err := a.selector(args)
		if err != nil {
			return err
		}
		switch {
		case confirm != "" && confirm != sel.String():
			return unconfirmedf("%s: --confirm names another profile", sel)
		case confirm == "" && sel.Environment == kite.Live:
			return unconfirmedf("%s: a proxy to live lets every request move money; confirm with --confirm %s", sel, sel)
		}
		v, err := a.open()
		if err != nil {
			return err
		}
		// Now, when somebody is looking, and not with the first request.
		if _, err := a.token(ctx, v, sel, vault.TokenRequest{ExpiresIn: expiresIn}); err != nil {
			return err
		}
		urls, err := a.overrides()
		if err != nil {
			return err
		}
		client := &kite.Client{Environment: sel.Environment, BaseURL: urls[sel.Environment], Now: a.Now}
		defer client.CloseIdleConnections()
		o := proxy.Options{
			Client: client,
			Now:    a.Now,
			Token: func(ctx context.Context, fresh bool) (kite.Token, error) {
				tok, err := v.Token(ctx, sel, vault.TokenRequest{ExpiresIn: expiresIn, Fresh: fresh})
				return tok.Token, about(sel, err)
			},
		}
		if !quiet {
			o.Log = a.logProxied
		}
		p, err := proxy.New(o)
		if err != nil {
			return err
		}
		if err := p.Start(listen); err != nil {
			var system *os.SyscallError // a port that is taken is no wrong usage
			if errors.As(err, &system) {
				return err
			}
			return usagef("--listen: %w", err)
		}
		defer func() {
			grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyGrace)
			defer cancel()
			p.Close(grace)
		}()
		if err := a.printProxy(sel, p.URL(), asJSON); err != nil {
			return err
		}
		a.note("%s: the proxy runs until ctrl-c; keep its URL to yourself", sel)
		// Being told to stop is how a server ends well.
		<-ctx.Done()
		return nil
	}
	return cmd
}

// printProxy prints where the proxy is: what was asked for, its secret part
// included.
func (a *app) printProxy(sel vault.Selector, url kite.Secret, asJSON bool) error {
	if !asJSON {
		return a.print("%s\n", url.Reveal())
	}
	return a.printJSON(struct {
		Profile     string `json:"profile"`
		Account     string `json:"account"`
		Environment string `json:"environment"`
		BaseURL     string `json:"base_url"`
		Upstream    string `json:"upstream"`
	}{sel.String(), sel.Account, string(sel.Environment), url.Reveal(), a.baseURL(sel.Environment)})
}

// logProxied writes a line for each request, with nothing of what it carried.
func (a *app) logProxied(r proxy.Record) {
	what := kite.CleanText(r.Method)
	if r.Path != "" {
		what += " " + kite.CleanText(r.Path)
	}
	if r.Err != nil {
		a.note("%s %s %d: %s", a.Now().Format("15:04:05"), what, r.Status, kite.CleanText(r.Err.Error()))
		return
	}
	a.note("%s %s %d in %d ms", a.Now().Format("15:04:05"), what, r.Status, r.Latency.Milliseconds())
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/kite/proxy"
	"kitekey/ui/handout"
	"kitekey/ui/safepath"
	"kitekey/ui/words"
	"kitekey/vault"
)

// proxyGrace is how long requests under way may take when the proxy is stopped.
const proxyGrace = 3 * time.Second

type proxyOptions struct {
	profile    []string // the selector, if it was given
	listen     string
	unixSocket string
	keepURL    bool
	newURL     bool
	readOnly   bool
	allow      []proxy.Rule
	expiresIn  kite.Lifetime
	confirm    string
	json       bool
	quiet      bool
}

// keptURL reports whether the URL is the one that is kept with the profile.
func (o proxyOptions) keptURL() bool { return o.keepURL || o.newURL }

func newProxy(a *app, run func(context.Context, proxyOptions) error) *cobra.Command {
	var o proxyOptions
	var allow []string
	cmd := &cobra.Command{
		Use:   "proxy [SELECTOR]",
		Short: "Let any tool on this machine call the API without a token",
		Long: `Listen on a loopback address and pass requests on to the gateway with a valid
Authorization header, renewed in time. The first line on stdout is the base URL to
use in place of the gateway's. It runs until ctrl-c.

The base URL has a random path and is a secret: paste it into a tool's settings, not
into a command's arguments, which other users can list. On Linux and Windows other
users are refused even when they know it; elsewhere the system does not say who
connects. --unix-socket listens on a socket in a private folder instead.

--read-only lets only GET, HEAD and OPTIONS pass, --allow only the requests that it
names, with bodies in plain JSON; a * in its path stands for one segment, and at the
end for all that follow. Requests from web pages, for other hosts and for minting
never pass, redirects are not passed on, and bodies are not logged. A write is sent
once; when no answer says whether it was carried out, the response is a 502 or 504
that says so.

--keep-url gives the same URL at each run, so that a saved collection goes on
working. It is kept in the store with the credential; --new-url replaces it.

On live it asks for the profile's name; without a terminal --confirm gives it.`,
		Example: `  kitekey proxy acme
  kitekey proxy acme --keep-url --read-only
  kitekey proxy acme --allow 'GET /data/*' --allow 'POST /collections/request-to-pay'
  kitekey proxy acme --unix-socket ~/.kitekey-acme/socket
  curl --unix-socket ~/.kitekey-acme/socket http://localhost/data/wallets/balances
  kitekey proxy acme/live --confirm acme/live --json`,
		Args:              argCount(0, 1, "one profile"),
		ValidArgsFunction: a.completeSelectors(false),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.profile = args
			o.allow, err = parseRules(allow)
			if err = cmp.Or(notEmpty(cmd, "listen", "unix-socket"), err); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` and port; port 0 takes a free one")
	f.StringVar(&o.unixSocket, "unix-socket", "", "`path` of a socket to listen on instead, in a private folder")
	f.BoolVar(&o.readOnly, "read-only", false, "refuse requests that change something")
	f.StringArrayVar(&allow, "allow", nil, "refuse all but `'METHOD /path/*'`; may be repeated")
	f.BoolVar(&o.keepURL, "keep-url", false, "use the same port and path at each run")
	f.BoolVar(&o.newURL, "new-url", false, "replace the URL that --keep-url uses")
	lifetimeFlag(cmd, &o.expiresIn, "`life` to mint with: 300, 90s, 1h30m, 2d (default: the profile's)")
	a.confirmFlag(cmd, &o.confirm)
	f.BoolVar(&o.json, "json", false, "print the base URL and the settings as JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "do not log requests")
	cmd.MarkFlagsMutuallyExclusive("unix-socket", "listen")
	cmd.MarkFlagsMutuallyExclusive("unix-socket", "keep-url")
	cmd.MarkFlagsMutuallyExclusive("unix-socket", "new-url")
	return cmd
}

// notEmpty returns a usage error for a flag that is given and empty, such as one
// whose value is an unset variable.
func notEmpty(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return usagef("--%s is empty", name)
		}
	}
	return nil
}

func parseRules(texts []string) (rules []proxy.Rule, err error) {
	for _, text := range texts {
		rule, err := proxy.ParseRule(text)
		if err != nil {
			return nil, usagef("--allow: %w", err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func (a *app) runProxy(ctx context.Context, o proxyOptions) error {
	sel, err := a.selector(o.profile)
	if err != nil {
		return err
	}
	v, _, err := a.openProfile(sel)
	if err != nil {
		return err
	}
	if err := a.confirmLive(ctx, handout.Proxy, o.confirm, sel); err != nil {
		return err
	}
	// Get the token at the start, while the user is watching, and not with the first
	// request. Most of its life is left then.
	if _, err := a.lastingToken(ctx, v, handout.Mint, sel, vault.TokenRequest{ExpiresIn: o.expiresIn}); err != nil {
		return err
	}
	debug.FreeOSMemory() // opening the file store has used hundreds of MiB
	urls, err := a.overrides()
	if err != nil {
		return err
	}
	defer a.neverBlock()()
	client := a.gateways(urls)(sel.Environment)
	defer client.CloseIdleConnections()
	defer func() {
		if lost := v.Flush(); lost > 0 {
			a.note("%s could not be written to the activity log: the disk is too slow, or full", words.Count(lost, "request"))
		}
	}()
	p, err := a.startedProxy(ctx, v, sel, client, o)
	if err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyGrace)
		defer cancel()
		p.Close(grace)
	}()
	if o.keptURL() {
		if err := v.KeepProxyURL(ctx, sel, p.URL()); err != nil {
			return vault.About(sel, err)
		}
	}
	if err := a.printProxy(sel, p, o); err != nil {
		return err
	}
	a.note("%s: the proxy runs until ctrl-c%s", sel, whoMayConnect(p, o))
	// A server that is told to stop has succeeded.
	<-ctx.Done()
	return nil
}

// startedProxy returns a proxy that listens.
func (a *app) startedProxy(ctx context.Context, v *vault.Vault, sel vault.Selector, client *kite.Client, o proxyOptions) (_ *proxy.Proxy, err error) {
	asked, path := o.listen, ""
	if o.keptURL() {
		if o.listen, path, err = a.keptProxyURL(ctx, v, sel, o); err != nil {
			return nil, err
		}
	}
	p, err := proxy.New(proxy.Options{
		Client:   client,
		Path:     path,
		ReadOnly: o.readOnly,
		Allow:    o.allow,
		Now:      a.Now,
		Token: func(ctx context.Context, fresh bool) (kite.Token, error) {
			tok, err := v.Token(ctx, sel, vault.TokenRequest{ExpiresIn: o.expiresIn, Fresh: fresh})
			return tok.Token, vault.About(sel, err)
		},
		Log: func(r proxy.Record) { a.logProxied(v, sel, r, o.quiet) },
	})
	if err != nil {
		return nil, err
	}
	return p, startProxy(p, o, asked)
}

// startProxy makes p listen, where --listen has asked for or where the kept URL was.
// A port in use is not wrong usage.
func startProxy(p *proxy.Proxy, o proxyOptions, asked string) error {
	flag, err := "--listen", error(nil)
	if o.unixSocket != "" {
		flag = "--unix-socket"
		if err = privateFolder(filepath.Dir(o.unixSocket)); err == nil {
			err = p.StartUnix(o.unixSocket)
		}
	} else {
		err = p.Start(o.listen)
	}
	var system *os.SyscallError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &system):
		return usagef("%s: %w", flag, err)
	case o.listen != asked:
		return &codeError{exitFailure, err.Error() + "; --new-url takes another port", err}
	}
	return err
}

// privateFolder makes a folder unless it exists, and reports why another user could
// put another one, with another socket, in its place.
func privateFolder(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil {
		err = changeable(info)
	}
	if err == nil {
		err = safepath.Replaceable(dir)
	}
	if err != nil {
		return fmt.Errorf("the folder %s: %w", dir, err)
	}
	return nil
}

// keptProxyURL returns the address and the path of the URL that is kept for the
// profile, or new ones. A port from --listen takes precedence.
func (a *app) keptProxyURL(ctx context.Context, v *vault.Vault, sel vault.Selector, o proxyOptions) (listen, path string, err error) {
	listen = o.listen
	kept, err := v.ProxyURL(ctx, sel)
	if err != nil {
		return "", "", vault.About(sel, err)
	}
	u, err := url.Parse(kept.Reveal())
	if o.newURL || kept.IsZero() || err != nil || u.Host == "" {
		return listen, proxy.NewPath(), nil
	}
	if _, port, err := net.SplitHostPort(o.listen); err == nil && port == "0" {
		listen = u.Host
	}
	return listen, strings.Trim(u.Path, "/"), nil
}

// printProxy prints the proxy's URL, its secret part included.
func (a *app) printProxy(sel vault.Selector, p *proxy.Proxy, o proxyOptions) error {
	if !o.json {
		return a.print("%s\n", p.URL().Reveal())
	}
	return a.printJSON(struct {
		profileRef
		BaseURL      string  `json:"base_url"`
		UnixSocket   *string `json:"unix_socket"`
		Upstream     string  `json:"upstream"`
		ReadOnly     bool    `json:"read_only"`
		OwnUserOnly  bool    `json:"own_user_only"`
		AllowedRules int     `json:"allow_rules"`
	}{
		refTo(sel), p.URL().Reveal(), orNull(o.unixSocket), a.baseURL(sel.Environment),
		o.readOnly, p.KnowsOwners(), len(o.allow),
	})
}

// whoMayConnect says where the proxy listens, or who is kept from using it.
func whoMayConnect(p *proxy.Proxy, o proxyOptions) string {
	switch {
	case o.unixSocket != "":
		return " on " + o.unixSocket
	case p.KnowsOwners():
		return "; other users of this machine are refused"
	}
	return "; keep its URL to yourself: this system does not say which user connects"
}

// logProxied puts a request into the activity log and, unless quiet, writes a line
// for it, without its contents.
func (a *app) logProxied(v *vault.Vault, sel vault.Selector, r proxy.Record, quiet bool) {
	refused := r.Path == "" // by the proxy itself
	if !refused {
		v.LogLater(vault.Activity{Selector: sel, Action: vault.ActionRequested, Method: r.Method, Path: r.Path, Status: r.Status}, r.Err)
	}
	if quiet {
		return
	}
	what := r.Method
	if !refused {
		what += " " + r.Path
	}
	if r.Err != nil {
		a.note("%s %s %d: %v", words.TimeOfDay(a.Now()), what, r.Status, r.Err)
		return
	}
	a.note("%s %s %d in %s", words.TimeOfDay(a.Now()), what, r.Status, words.Latency(r.Latency))
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/words"
	"kitekey/vault"
)

type simulatorOptions struct {
	listen   string
	behavior simulator.Behavior
	json     bool
	quiet    bool
}

func newSimulator(a *app, run func(context.Context, simulatorOptions) error) *cobra.Command {
	var o simulatorOptions
	var fail string
	cmd := &cobra.Command{
		Use:   "simulator",
		Short: "Run a Kitegateway to develop against, on this machine only",
		Long: `Run Kitegateway as its documentation describes it, on a loopback address: several
merchants with made-up credentials, signed tokens that expire, wallets, requests to
pay that are checked as documented, the documented errors. It prints what to point
kitekey or an integration at, logs requests on stderr without any secret, and runs
until ctrl-c.`,
		Example: `  kitekey simulator
  kitekey simulator --listen 127.0.0.1:0 --json
  kitekey simulator --latency 300ms --limit 5     slow, at most 5 requests a second
  kitekey simulator --fail 502                    a gateway that is down
  # in another terminal, after pasting the export lines:
  printf '{"api_key":"sim-key-acme-sandbox","api_secret":"sim-secret-acme-sandbox"}' | kitekey add acme --stdin`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.behavior.Limit < 0 {
				return usagef("--limit cannot be negative")
			}
			o.behavior.Failure = simulator.Failure(fail)
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:4010", "loopback `address` and port; port 0 takes a free one")
	f.BoolVar(&o.json, "json", false, "print addresses and credentials as JSON")
	durationFlag(cmd, &duration{value: &o.behavior.Latency}, "latency", "`time` before every answer, as in 250ms")
	durationFlag(cmd, &duration{value: &o.behavior.Skew, orNegative: true}, "skew", "`time` that its clock is ahead (or behind: -10m)")
	durationFlag(cmd, &duration{value: &o.behavior.MaxLife}, "max-life", "longest `life` of a token, whatever is asked for")
	f.IntVar(&o.behavior.Limit, "limit", 0, "`requests` per second, further ones get 429; 0 does not limit")
	choiceFlag(cmd, &fail, "fail", "`how` every request fails: "+strings.Join(failures(), ", "), failures()...)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "do not log requests")
	return cmd
}

func (a *app) runSimulator(ctx context.Context, o simulatorOptions) error {
	defer a.neverBlock()()
	var so simulator.Options
	if !o.quiet {
		so.Log = func(r simulator.Record) {
			a.note("%s %s %s %d", words.TimeOfDay(r.Time), r.Method, r.Path, r.Status)
		}
	}
	sim := simulator.New(so)
	if err := sim.Start(o.listen); err != nil {
		var system *os.SyscallError // a port in use is not wrong usage
		if errors.As(err, &system) {
			return err
		}
		return usagef("--listen: %w", err)
	}
	defer sim.Close()
	for _, env := range kite.Environments {
		sim.Set("", env, o.behavior)
	}
	if err := a.printConnectionInfo(sim, o.json); err != nil {
		return err
	}
	a.note("the simulator runs on %s until ctrl-c", sim.Addr())
	// A server that is told to stop has succeeded.
	<-ctx.Done()
	return nil
}

// failures lists the ways to fail that need no further setting.
func failures() []string {
	var names []string
	for _, f := range []simulator.Failure{
		simulator.InternalError, simulator.BadGateway, simulator.Unavailable, simulator.Forbidden,
		simulator.HTMLPage, simulator.Endless, simulator.SlowBody, simulator.Drop, simulator.Hang,
	} {
		names = append(names, string(f))
	}
	return names
}

// printConnectionInfo prints the simulator's address and merchants: shell lines to
// paste, with the credentials as comments, or JSON.
func (a *app) printConnectionInfo(sim *simulator.Simulator, asJSON bool) error {
	if asJSON {
		type merchantJSON struct {
			profileRef
			BaseURL   string `json:"base_url"`
			APIKey    string `json:"api_key"`
			APISecret string `json:"api_secret"`
		}
		var out struct {
			SandboxURL string         `json:"sandbox_url"`
			LiveURL    string         `json:"live_url"`
			Merchants  []merchantJSON `json:"merchants"`
		}
		out.SandboxURL, out.LiveURL = sim.BaseURL(kite.Sandbox), sim.BaseURL(kite.Live)
		for _, m := range sim.Merchants() {
			// The simulator's credentials are made up: showing them is their purpose.
			out.Merchants = append(out.Merchants, merchantJSON{
				refTo(vault.Selector{Account: m.Account, Environment: m.Environment}), sim.BaseURL(m.Environment),
				m.Credential.APIKey.Reveal(), m.Credential.APISecret.Reveal(),
			})
		}
		return a.printJSON(out)
	}
	var b strings.Builder
	for _, env := range kite.Environments {
		fmt.Fprintf(&b, "export %s=%s\n", overrideVariable(env), sim.BaseURL(env))
	}
	for _, m := range sim.Merchants() {
		fmt.Fprintf(&b, "# %s/%s: api_key %s  api_secret %s\n", m.Account, m.Environment,
			m.Credential.APIKey.Reveal(), m.Credential.APISecret.Reveal())
	}
	return a.print("%s", b.String())
}

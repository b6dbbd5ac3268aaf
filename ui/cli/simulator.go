package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

func newSimulator(a *app) *cobra.Command {
	var (
		listen string
		asJSON bool
		quiet  bool
		knobs  simulator.Behavior
		fail   string
	)
	cmd := &cobra.Command{
		Use:   "simulator",
		Short: "Run a Kitegateway to develop against, on this machine only",
		Long: `Run Kitegateway as its documentation describes it, on a loopback address: several
merchants with made-up credentials, signed tokens that expire, wallets, the documented
errors. It prints what to point kitekey or an integration at, logs requests on
stderr without any secret, and runs until ctrl-c.`,
		Example: `  kitekey simulator
  kitekey simulator --listen 127.0.0.1:0 --json
  kitekey simulator --latency 300ms --limit 5     a slow gateway that wants a rest
  kitekey simulator --fail 502                    one that is down
  # in another terminal, after pasting the export lines:
  printf '{"api_key":"sim-key-acme-sandbox","api_secret":"sim-secret-acme-sandbox"}' | kitekey add acme --stdin`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4010", "loopback `address` and port; port 0 takes a free one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print addresses and credentials as JSON")
	cmd.Flags().DurationVar(&knobs.Latency, "latency", 0, "`time` before every answer, as in 250ms")
	cmd.Flags().DurationVar(&knobs.Skew, "skew", 0, "how far its clock is ahead, as `time`: 10m, -10m")
	cmd.Flags().DurationVar(&knobs.MaxLife, "max-life", 0, "longest `life` of a token, whatever is asked for")
	cmd.Flags().IntVar(&knobs.Limit, "limit", 0, "`requests` per second, further ones get 429; 0 is no limit")
	cmd.Flags().StringVar(&fail, "fail", "", "`how` every request fails: "+strings.Join(failures(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("fail", cobra.FixedCompletions(failures(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not log requests")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if fail != "" && !slices.Contains(failures(), fail) {
			return usagef("--fail: %q is none of %s", fail, strings.Join(failures(), ", "))
		}
		if knobs.Latency < 0 || knobs.MaxLife < 0 || knobs.Limit < 0 {
			return usagef("--latency, --max-life and --limit cannot be negative")
		}
		knobs.Failure = simulator.Failure(fail)
		var o simulator.Options
		if !quiet {
			o.Log = func(r simulator.Record) {
				a.note("%s %s %s %d", r.Time.Format("15:04:05"), r.Method, r.Path, r.Status)
			}
		}
		sim := simulator.New(o)
		if err := sim.Start(listen); err != nil {
			var system *os.SyscallError // a port that is taken is no wrong usage
			if errors.As(err, &system) {
				return err
			}
			return usagef("--listen: %w", err)
		}
		defer sim.Close()
		for _, env := range kite.Environments {
			sim.Set("", env, knobs)
		}
		if err := a.printConnectionInfo(sim, asJSON); err != nil {
			return err
		}
		a.note("the simulator runs on %s until ctrl-c", sim.Addr())
		// Being told to stop is how a server ends well.
		<-cmd.Context().Done()
		return nil
	}
	return cmd
}

// failures are the ways to fail that need nothing more to be said.
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

// printConnectionInfo prints where the simulator is and whom it knows: shell lines that can
// be pasted, the credentials as comments, or JSON.
func (a *app) printConnectionInfo(sim *simulator.Simulator, asJSON bool) error {
	if asJSON {
		type merchantJSON struct {
			Profile     string `json:"profile"`
			Account     string `json:"account"`
			Environment string `json:"environment"`
			BaseURL     string `json:"base_url"`
			APIKey      string `json:"api_key"`
			APISecret   string `json:"api_secret"`
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
				m.Account + "/" + string(m.Environment), m.Account, string(m.Environment), sim.BaseURL(m.Environment),
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

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"kitekey/kite"
	"kitekey/ui/tui"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/source"
)

// pingTimeout is how long to wait for a gateway.
const pingTimeout = 4 * time.Second

type doctorOptions struct {
	repair, adopt bool
	offline       bool
	json          bool
}

func newDoctor(a *app, run func(context.Context, doctorOptions) error) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the setup and repair it",
		Long: `Check the data folder and its permissions, the index, the store and whether both
agree, overrides, proxies, the gateways and this computer's clock, the clipboard and
the terminal. Each line is ok, a warning or a problem, with what to do about it.

--repair does what needs no decision: it rebuilds a damaged index from the store and
from its last good copy, finishes what was interrupted, and tightens permissions. It
deletes no credential. With --adopt it also lists credentials that are in the store
and in no profile: they may belong to another KITEKEY_HOME.

The exit code is 0 only if everything is ok, 6 if the store cannot be used, 1
otherwise.`,
		Example: `  kitekey doctor
  kitekey doctor --repair
  kitekey doctor --json | jq '.findings[] | select(.level != "ok")'`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.adopt && !o.repair {
				return usagef("--adopt goes with --repair")
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.repair, "repair", false, "repair what can be repaired")
	cmd.Flags().BoolVar(&o.adopt, "adopt", false, "with --repair: also list credentials in the store that no profile lists")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "do not ask the gateways")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the findings as JSON")
	return cmd
}

func (a *app) runDoctor(ctx context.Context, o doctorOptions) error {
	found, err := a.checkStoreName()
	if err != nil {
		return err
	}
	v, err := a.openQuietly()
	if err != nil {
		return err
	}
	repaired := []string{}
	if o.repair {
		if repaired, err = a.repair(ctx, v, o.adopt); err != nil {
			return err
		}
	}
	checked, err := a.checkAll(ctx, v, o)
	if err != nil {
		return err
	}
	found = append(found, checked...)
	if o.json {
		err = a.printJSON(newCheckUpJSON(found, repaired))
	} else {
		err = a.printFindings(found)
	}
	if err != nil {
		return err
	}
	return exitFor(found)
}

// checkAll makes every check.
func (a *app) checkAll(ctx context.Context, v *vault.Vault, o doctorOptions) ([]finding, error) {
	gateways := make(chan []finding, 1) // asked while the store is checked
	if o.offline {
		gateways <- nil
	} else {
		go func() { gateways <- a.checkGateways(ctx) }()
	}
	found, err := checkVault(ctx, v, o.repair)
	if err != nil {
		return nil, err
	}
	found = append(found, a.checkSources(v.Dir())...)
	place, err := a.checkFolderPlace()
	if err != nil {
		return nil, err
	}
	found = append(found, place...)
	found = append(found, a.checkNetwork()...)
	found = append(found, <-gateways...)
	found = append(found, a.checkClipboard(), a.checkTerminal(), checkMemory(), checkScreenLock(ctx))
	found = append(found, a.checkPath()...)
	return found, ctx.Err()
}

// checkVault checks the data folder and the store. After a repair, the fix for what
// it has left is not another one.
func checkVault(ctx context.Context, v *vault.Vault, repaired bool) (found []finding, err error) {
	checked, err := v.Check(ctx)
	for _, f := range checked {
		w := words.Finding(f)
		if repaired && words.RepairFixes(f.Kind) {
			w.Fix = "the repair could not fix this"
			if f.Kind == vault.FindingIndexDamaged {
				w.Fix += `; a backup is read with "kitekey import"`
			}
		}
		found = append(found, finding{w.Check, f.Severity, w.Text, w.Fix, f.Kind})
	}
	return found, err
}

// repair repairs and returns what it did. Its error never recommends the repair
// that has just failed.
func (a *app) repair(ctx context.Context, v *vault.Vault, adopt bool) ([]string, error) {
	repaired := []string{}
	done, err := v.Repair(ctx, adopt)
	for _, step := range done {
		line := words.RepairStep(step)
		a.note("%s", words.Line(line))
		repaired = append(repaired, line)
	}
	switch {
	case errors.Is(err, vault.ErrIndexDamaged):
		return nil, &codeError{exitCode(err), fmt.Sprintf(`repair: %v; it could not be rebuilt; a backup is read with "kitekey import"`, err), err}
	case storeDamaged(err):
		return nil, &codeError{exitCode(err), fmt.Sprintf(`repair: %v; only a backup helps now: with KITEKEY_HOME naming an empty folder, run "kitekey import"`, err), err}
	case err != nil:
		return nil, fmt.Errorf("repair: %w", err)
	case len(done) == 0:
		a.note("there was nothing to repair")
	}
	return repaired, nil
}

// storeDamaged reports whether a whole file of the store cannot be read.
func storeDamaged(err error) bool {
	var e *vault.StoreError
	return errors.As(err, &e) && e.Reason == vault.ReasonDamaged
}

// checkStoreName finds a store that this kitekey does not know, in a setting or in
// the index. The check then continues with the default store.
func (a *app) checkStoreName() ([]finding, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	if _, err := a.storeName(dir); err == nil {
		return nil, nil
	}
	f := finding{Check: "store", Severity: vault.SeverityProblem, kind: vault.FindingStoreFailed}
	switch names := either(storeNames()); {
	case a.storeFlag != "":
		return nil, usagef("unknown store %q: use %s", a.storeFlag, names)
	case a.getenv(varStore) != "":
		f.Text, f.Fix = fmt.Sprintf("KITEKEY_STORE names an unknown store, %q", a.getenv(varStore)), "set it to "+names+", or unset it"
	default:
		f.Text, f.Fix = fmt.Sprintf("the profiles are in a store that this kitekey does not know, %q", storeInUse(dir)), "upgrade kitekey"
	}
	a.storeFlag = storeKinds[0].name
	return []finding{f}, nil
}

// finding is one line of the report.
type finding struct {
	Check    string
	Severity vault.Severity
	Text     string
	Fix      string
	kind     vault.FindingKind // "" for what the vault does not check
}

// exitFor returns an error with the exit code for the findings, nil if all are
// ok.
func exitFor(found []finding) error {
	code := exitDone
	for _, f := range found {
		switch {
		case f.kind == vault.FindingStoreFailed, f.kind == vault.FindingOrphansUnknown:
			return exitSilently(exitStore)
		case f.Severity != vault.SeverityOK:
			code = exitFailure
		}
	}
	if code == exitDone {
		return nil
	}
	return exitSilently(code)
}

func (a *app) printFindings(found []finding) error {
	width := 0
	for _, f := range found {
		width = max(width, len(f.Check))
	}
	for _, f := range found {
		if err := a.print("%-7s  %-*s  %s\n", f.Severity, width, f.Check, words.Line(f.Text)); err != nil {
			return err
		}
		if f.Fix != "" {
			if err := a.print("%-7s  %-*s  → %s\n", "", width, "", words.Line(f.Fix)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkUpJSON is the output of --json.
type checkUpJSON struct {
	OK       bool          `json:"ok"`
	Findings []findingJSON `json:"findings"`
	Repaired []string      `json:"repaired"`
}

type findingJSON struct {
	Check string  `json:"check"`
	Level string  `json:"level"`
	Text  string  `json:"text"`
	Fix   *string `json:"fix"`
}

func newCheckUpJSON(found []finding, repaired []string) checkUpJSON {
	out := checkUpJSON{OK: true, Findings: []findingJSON{}, Repaired: repaired}
	for _, f := range found {
		out.OK = out.OK && f.Severity == vault.SeverityOK
		out.Findings = append(out.Findings, findingJSON{f.Check, string(f.Severity), f.Text, orNull(f.Fix)})
	}
	return out
}

// checkSources finds a list of sources that cannot be read: every profile of theirs
// then fails.
func (a *app) checkSources(dir string) []finding {
	_, err := source.Load(dir)
	if err == nil {
		return nil
	}
	return []finding{{Check: "sources", Severity: vault.SeverityProblem, Text: err.Error(), Fix: nextStep(err)}}
}

// checkGateways asks both gateways at the same time whether they answer. It sends
// no credential.
func (a *app) checkGateways(ctx context.Context) []finding {
	urls, _ := a.overrides()
	gateways := a.gateways(urls)
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	results := make([]chan finding, len(kite.Environments))
	for i, env := range kite.Environments {
		results[i] = make(chan finding, 1)
		client := gateways(env)
		go func() {
			reply, err := client.Ping(ctx)
			results[i] <- gatewayFinding(env, client.Host(), reply, err)
		}()
	}
	var found []finding
	for _, result := range results {
		found = append(found, <-result)
	}
	return found
}

func gatewayFinding(env kite.Environment, host string, reply *kite.Reply, err error) finding {
	f := finding{Check: string(env) + " gateway", Severity: vault.SeverityOK}
	if err != nil {
		f.Severity, f.Text = vault.SeverityWarning, err.Error()
		if f.Fix = nextStep(err); f.Fix == "" {
			f.Fix = "check the network and the proxy; nothing is known about any credential"
		}
		return f
	}
	f.Text = fmt.Sprintf("%s answers in %s", host, words.Latency(reply.Latency))
	if words.ClockWrong(reply.Skew) {
		f.Severity, f.Text = vault.SeverityWarning, f.Text+"; "+words.Clock(reply.Skew)
		f.Fix = "set this computer's clock; kitekey allows for the difference, other programs do not"
	} else {
		f.Text += ", clocks agree"
	}
	return f
}

// checkClipboard lists the ways to copy. Without a terminal it is not a problem if
// there are none.
func (a *app) checkClipboard() finding {
	terminal, done := a.terminal()
	defer done()
	f := finding{Check: "clipboard", Severity: vault.SeverityOK}
	var ways []string
	for _, w := range a.clipboard(terminal, false).Ways() {
		ways = append(ways, string(w))
	}
	switch {
	case len(ways) > 0:
		f.Text = strings.Join(ways, ", then ")
	case terminal == nil:
		f.Text = "none here; it is only needed at a terminal"
	default:
		f.Severity, f.Text = vault.SeverityWarning, "no clipboard can be reached from here"
		f.Fix = `on Linux without a desktop use a terminal that knows OSC 52, or "kitekey token"`
	}
	return f
}

// checkTerminal says what the terminal offers the screen.
func (a *app) checkTerminal() finding {
	f := finding{Check: "terminal", Severity: vault.SeverityOK}
	if !isTerminal(a.Stdout) {
		f.Text = "output goes to a file or a program"
		return f
	}
	name := a.getenv("TERM")
	parts := []string{name}
	if w, h := a.terminalSize(); w > 0 {
		parts = append(parts, fmt.Sprintf("%d×%d", w, h))
		if w < tui.MinWidth || h < tui.MinHeight {
			f.Severity, f.Fix = vault.SeverityWarning, fmt.Sprintf("the screen needs at least %d×%d: enlarge the window", tui.MinWidth, tui.MinHeight)
		}
	}
	switch color := a.getenv("COLORTERM"); {
	case a.getenv(varNoColor) != "":
		parts = append(parts, "no colour (NO_COLOR)")
	case color == "truecolor" || color == "24bit":
		parts = append(parts, "true colour")
	case strings.Contains(name, "256color"):
		parts = append(parts, "256 colours")
	}
	for _, v := range []string{"TMUX", "SSH_CONNECTION"} {
		if a.getenv(v) != "" {
			parts = append(parts, map[string]string{"TMUX": "in tmux", "SSH_CONNECTION": "over SSH"}[v])
		}
	}
	if name == "" || name == "dumb" {
		f.Severity, f.Fix = vault.SeverityWarning, `this terminal cannot show the screen: use the commands, or "kitekey --plain"`
		parts[0] = "TERM does not name a usable terminal"
	}
	f.Text = strings.Join(parts, ", ")
	return f
}

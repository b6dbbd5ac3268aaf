package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// liveCommands says what every command does about live: it asks for the name, a
// selector typed in full confirms it, or it hands nothing out and changes nothing.
// A new command must be put into the table.
var liveCommands = map[string]struct {
	asks  bool     // without a terminal it needs --confirm
	tries []string // command lines about acme/live
}{
	"api":    {asks: true, tries: []string{"api acme/live POST /collections/request-to-pay --data {}", "api acme/live DELETE /x"}},
	"proxy":  {asks: true, tries: []string{"proxy acme/live"}},
	"export": {asks: true, tries: []string{"export acme/live -r " + testRecipient + " -o OUT", "export -r " + testRecipient + " -o OUT", "export --account acme -r " + testRecipient + " -o OUT"}},
	"import": {asks: true, tries: []string{"import FILE --yes --on-conflict replace"}},
	"rotate": {asks: true, tries: []string{"rotate acme/live --stdin", "rotate acme/live --rollback", "rotate acme/live --drop-previous", "rotate acme/live --finish", "rotate acme/live --discard"}},
	"rename": {asks: true, tries: []string{"rename acme other", "rename acme/live other/live"}},
	"store":  {asks: true, tries: []string{"store migrate --to file"}},
	"remove": {asks: true, tries: []string{"remove acme/live", "remove acme/live --yes"}},

	"token": {tries: []string{"token acme/live", "token acme/live --header", "token acme acme/live --json"}},
	"env":   {tries: []string{"env acme/live"}},

	"verify": {tries: []string{"verify acme/live", "verify --all"}},
	"list":   {tries: []string{"list"}},
	"edit":   {tries: []string{"edit acme/live --label x"}},
	"forget": {tries: []string{"forget acme/live", "forget --all"}},
	"log":    {tries: []string{"log acme/live"}},
	"doctor": {tries: []string{"doctor --offline"}},

	// Copying needs a clipboard, and exec becomes the command that it runs. Their
	// guard is token's, and scripts test them. The other commands are not about
	// profiles, or are about those of a source, which scripts test.
	"copy": {}, "exec": {}, "add": {}, "demo": {}, "simulator": {}, "inspect": {}, "network": {}, "source": {}, "status": {}, "unlock": {}, "lock": {},
	"man": {}, "completion": {}, "version": {}, "help": {}, "exit-codes": {}, "environment": {}, "storage": {}, "json": {},
}

const testRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

func TestLive_EveryCommandThatHandsOutOrChangesAsks(t *testing.T) {
	t.Parallel()
	for _, c := range newRoot(&app{}, []string{"help"}).Commands() {
		if _, ok := liveCommands[c.Name()]; !ok {
			t.Errorf("%q is not in the table of commands: does it ask on live?", c.Name())
		}
	}
	for name, c := range liveCommands {
		for _, line := range c.tries {
			t.Run(line, func(t *testing.T) {
				w := newLiveWorld(t)
				before, mints := w.state(), w.sim.CountOf("acme", kite.Live).Mints
				code, out := w.run(line)
				if !c.asks {
					if code == exitUnconfirmed || code == exitUsage {
						t.Errorf("exit %d: %s", code, out)
					}
					return
				}
				if code != exitUnconfirmed || !strings.Contains(out, "--confirm acme/live") {
					t.Errorf("%s goes ahead, or does not say how: exit %d: %s", name, code, out)
				}
				if w.state() != before || w.sim.CountOf("acme", kite.Live).Mints != mints {
					t.Errorf("live was touched without its name")
				}
			})
		}
	}
}

// What can be checked without a question or a secret is checked before.
func TestCommands_CheckNamesBeforeTheyAsk(t *testing.T) {
	w := newLiveWorld(t)
	for name, want := range map[string]string{
		"export nope":                      "nope/sandbox: no such profile",
		"export --account nope":            `there is no account "nope"`,
		"add acme":                         "acme/sandbox: exists already",
		"rename acme acme":                 "acme already has that name",
		"rename acme/live acme/live":       "acme/live already has that name",
		"rename acme/live acme":            "two account names",
		"rename acme/live acme/sandbox":    "choose another name",
		"rotate nope/live":                 "nope/live: no such profile",
		"import missing.age":               "missing.age: ",
		"import FILE a/b/c":                `unknown environment "b/c"`,
		"import missing.age --source nope": "nope: no such source",
		"source add keyring --preset pass": "is the name of a store",
	} {
		code, out := w.run(name)
		if !strings.Contains(out, want) || code == exitUnconfirmed || strings.Contains(out, "no terminal") {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
	}
}

func TestLive_IsChosenByNoVariableAndNoFile(t *testing.T) {
	w := newLiveWorld(t)
	w.environ = append(w.environ, "KITEKEY_PROFILE=acme/live")
	for _, line := range []string{"token", "env", "verify"} {
		if code, out := w.run(line); code != exitUsage {
			t.Errorf("KITEKEY_PROFILE=acme/live, %s: exit %d: %s", line, code, out)
		}
	}
	if n := w.sim.CountOf("acme", kite.Live).Mints; n != 0 {
		t.Errorf("%d mints", n)
	}
}

// liveWorld is a data folder with acme in both environments, with a simulator.
type liveWorld struct {
	t       *testing.T
	dir     string
	store   vault.Store
	sim     *simulator.Simulator
	environ []string
}

func newLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	w := &liveWorld{t: t, dir: t.TempDir(), store: vault.NewMemory(), sim: sim}
	w.environ = []string{
		"KITEKEY_HOME=" + filepath.Join(w.dir, "home"), "PATH=" + os.Getenv("PATH"), "HOME=" + w.dir,
		"KITEKEY_SANDBOX_URL=" + sim.BaseURL(kite.Sandbox), "KITEKEY_LIVE_URL=" + sim.BaseURL(kite.Live),
	}
	for _, name := range []string{"acme", "acme/live"} {
		if code, out := w.run("add " + name + " --stdin --no-verify"); code != exitDone {
			t.Fatalf("%s: %d %s", name, code, out)
		}
	}
	return w
}

// run runs a command line and returns its exit code and output.
func (w *liveWorld) run(line string) (int, string) {
	w.t.Helper()
	file := filepath.Join(w.dir, "new.env")
	if err := os.WriteFile(file, []byte("KITE_ACME_LIVE_API_KEY=other\nKITE_ACME_LIVE_API_SECRET=other\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	args := strings.Fields(strings.NewReplacer("FILE", file, "OUT", filepath.Join(w.t.TempDir(), "out.age")).Replace(line))
	env := "sandbox"
	if strings.Contains(line, "acme/live") {
		env = "live"
	}
	var out bytes.Buffer
	code := Main(w.t.Context(), System{
		Args: args, Stdin: strings.NewReader(`{"api_key":"sim-key-acme-` + env + `","api_secret":"sim-secret-acme-` + env + `"}`),
		Stdout: &out, Stderr: &out, Environ: w.environ, Dir: w.dir, Now: time.Now, Version: "test",
		Store: func(name string) (vault.Store, error) { return storetest.NewFaulty(w.store).Named(name), nil },
	})
	return code, out.String()
}

// state returns what the index has about live.
func (w *liveWorld) state() string {
	_, out := w.run("list --json")
	_, live, _ := strings.Cut(out, "acme/live")
	return live
}

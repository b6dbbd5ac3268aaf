package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/cli"
	"kitekey/vault"
	"kitekey/vault/storetest"
)

// The scripts run this test binary as "kitekey": the real commands in a process of
// their own, with a store that is a plain file in the script's folder. They cannot
// use the developer's keyring or clipboard.
func TestMain(m *testing.M) {
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "TMUX", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	if signal.Ignored(syscall.SIGHUP) { // under nohup; the programs that tests start would ignore it too
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	_ = os.Setenv("GORACE", noRaceSleep)
	testscript.Main(leakChecked{m}, map[string]func(){"kitekey": scriptMain, "job": jobMain})
}

// noRaceSleep saves the second that a process built with -race sleeps before it
// exits.
const noRaceSleep = "atexit_sleep_ms=0"

// leakChecked fails a run that leaves goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	storetest.Short()
	defer func() {
		if builtReal.Load() {
			dir, _ := realBinary()
			_ = os.RemoveAll(dir)
		}
	}()
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

var builtReal atomic.Bool

// realBinary builds kitekey once and returns its path. The end of the run removes
// it.
var realBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kitekey-test-")
	if err != nil {
		return "", err
	}
	builtReal.Store(true)
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), "kitekey")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	return dir, nil
})

func scriptMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, _ := os.Getwd()
	sys := cli.System{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Dir: dir, Now: time.Now, Version: "1.2.3-test",
		WorkFactor: 4,
		Store: func(name string) (vault.Store, error) {
			if name == "file" {
				return nil, nil // nil means the real one
			}
			return scriptStore(name), nil
		},
	}
	code := cli.Main(ctx, sys)
	stop()
	os.Exit(code)
}

// scriptStore returns a store for scripts: a JSON file that fails as
// TEST_STORE_FAILS says: "locked", "write:timeout", "untouched".
func scriptStore(name string) vault.Store {
	s := storetest.NewFaulty(storetest.NewFile(name, os.Getenv("TEST_STORE")))
	fails := os.Getenv("TEST_STORE_FAILS")
	if fails == "untouched" {
		s.On(func(op, _ string) error { panic("the store was touched: " + op) }, nil)
		return s
	}
	kinds := map[string]error{"locked": vault.ErrLocked, "unavailable": vault.ErrUnavailable, "timeout": vault.ErrTimeout, "corrupt": vault.ErrCorrupt}
	op, kind, only := strings.Cut(fails, ":")
	if !only {
		op, kind = "", fails
	}
	switch {
	case kinds[kind] == nil:
	case only:
		s.On(storetest.Fail(name, kinds[kind], op), nil)
	default:
		s.Fail(kinds[kind])
	}
	return s
}

// simulatorKey is the key of a script's simulator.
type simulatorKey struct{}

func TestScripts_GiveTheOutputTheyExpect(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Deadline:           time.Now().Add(8 * time.Minute), // a command that hangs fails, and early
		Setup: func(env *testscript.Env) error {
			sim := simulator.New(simulator.Options{})
			if err := sim.Start("127.0.0.1:0"); err != nil {
				return err
			}
			env.Defer(sim.Close)
			env.Values[simulatorKey{}] = sim
			env.Values[engineKey{}] = &engine{}
			for name, value := range map[string]string{
				"KITEKEY_HOME":             filepath.Join(env.WorkDir, ".home"),
				"KITEKEY_SANDBOX_URL":      sim.BaseURL(kite.Sandbox),
				"KITEKEY_LIVE_URL":         sim.BaseURL(kite.Live),
				"SIMULATOR":                "http://" + sim.Addr(),
				"TEST_STORE":               filepath.Join(env.WorkDir, ".store"),
				"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
				"TERM":                     "xterm-256color",
				"GORACE":                   noRaceSleep,
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		// A quick run is a -short one of a developer. That of CI, on other systems,
		// leaves no script out.
		Condition: func(name string) (bool, error) {
			if name != "quick" {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return testing.Short() && os.Getenv("KITEKEY_TEST_DESKTOP") == "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends":    ends,
			"gateway": gateway,
			"engine":  engineScript,
			"mints":   mints,
			"lines":   lines,
			"json":    jsonField,
			"agekey":  ageKey,
			"payment": payment,
			"write":   write,

			"cheapidentity": cheapIdentityScript,
		},
	})
}

// ends CODE COMMAND…: the command ends with that exit code.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		got = exitStatus(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitStatus(err error) int {
	var exited interface{ ExitCode() int }
	if errors.As(err, &exited) {
		return exited.ExitCode()
	}
	return -1
}

func simulatorOf(ts *testscript.TestScript) *simulator.Simulator {
	return ts.Value(simulatorKey{}).(*simulator.Simulator)
}

// gateway SELECTOR WHAT: how the simulator treats a profile, or every caller in an
// environment ("/sandbox").
func gateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gateway SELECTOR ok|refuse|revoke|limit|down|FAILURE|skew=DURATION|life=DURATION")
	}
	account, env, _ := strings.Cut(args[0], "/")
	var k simulator.Behavior
	what, value, _ := strings.Cut(args[1], "=")
	switch what {
	case "ok":
	case "refuse":
		k.Refuse = true
	case "limit":
		k.Limit, k.RetryAfter = -1, time.Minute
	case "skew", "life":
		d, err := time.ParseDuration(value)
		ts.Check(err)
		if what == "skew" {
			k.Skew = d
		} else {
			k.MaxLife = d
		}
	case "revoke":
		simulatorOf(ts).Revoke(account, kite.Environment(env))
		return
	case "down":
		simulatorOf(ts).Close()
		return
	default:
		k.Failure = simulator.Failure(what)
		k.RedirectTo = "http://127.0.0.1:1/elsewhere"
	}
	simulatorOf(ts).Set(account, kite.Environment(env), k)
}

// cheapidentity FOLDER PASSPHRASEFILE: creates a file store in the folder, with a
// passphrase that is quick to open. With the race detector a normal one takes many
// seconds.
func cheapIdentityScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cheapidentity FOLDER PASSPHRASEFILE")
	}
	ts.Check(writeCheapIdentity(ts.MkAbs(args[0]), strings.TrimSuffix(ts.ReadFile(args[1]), "\n")))
}

// writeCheapIdentity writes the file with the file store's key.
func writeCheapIdentity(home, passphrase string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(4)
	var wrapped bytes.Buffer
	w, err := age.Encrypt(&wrapped, recipient)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, identity.String()+"\n")
	return errors.Join(err, w.Close(), os.MkdirAll(home, 0o700), os.WriteFile(filepath.Join(home, "identity.age"), wrapped.Bytes(), 0o600))
}

// agekey FILE: a new age private key in the file, and its public key in $RECIPIENT.
func ageKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: agekey FILE")
	}
	id, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(id.String()+"\n"), 0o600))
	ts.Setenv("RECIPIENT", id.Recipient().String())
}

// payment FILE: a documented request to pay, with a reference of its own.
func payment(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: payment FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(paymentJSON()), 0o600))
}

// write FILE FORMAT [NUMBER]: a file with the text that fmt makes of the format and
// the number. \xff in it is a byte.
func write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: write FILE FORMAT [NUMBER]")
	}
	var format []byte
	for rest := args[1]; rest != ""; {
		r, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		ts.Check(err)
		if rest = tail; multibyte {
			format = utf8.AppendRune(format, r)
		} else {
			format = append(format, byte(r))
		}
	}
	var numbers []any
	for _, arg := range args[2:] {
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		numbers = append(numbers, n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(nil, string(format), numbers...), 0o600))
}

func paymentJSON() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // UUID 4
	return fmt.Sprintf(`{"currency":"UGX","amount":500.10,"payment_method":"MOBILE_MONEY","account_number":"256700000000","narration":"test","merchant_reference":"%x-%x-%x-%x-%x"}`,
		id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// mints N: N tokens have been minted so far.
func mints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mints N")
	}
	if got := fmt.Sprint(simulatorOf(ts).Count().Mints); got != args[0] {
		ts.Fatalf("%s tokens were minted, want %s", got, args[0])
	}
}

// lines N FILE: the file (or stdout, stderr) has N lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := fmt.Sprint(strings.Count(ts.ReadFile(args[1]), "\n")); got != args[0] {
		ts.Fatalf("%s has %s lines, want %s", args[1], got, args[0])
	}
}

// json FILE PATH [VALUE]: a field of the JSON in a file. PATH is like
// "0.token.expires_in". Without VALUE the field must only exist.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	var at any
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	ts.Check(dec.Decode(&at))
	for _, step := range strings.Split(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			field, ok := v[step]
			if !ok {
				ts.Fatalf("no field %s", step)
			}
			at = field
		case []any:
			i, err := strconv.Atoi(step)
			ts.Check(err)
			if i >= len(v) {
				ts.Fatalf("no element %d", i)
			}
			at = v[i]
		default:
			ts.Fatalf("%s: not in an object", step)
		}
	}
	if len(args) == 3 {
		got := fmt.Sprint(at)
		if (got == args[2]) == neg {
			ts.Fatalf("%s is %s", args[1], got)
		}
	}
}

package source_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
	"kitekey/vault/storetest"
)

// TestMain is also the command that the tests run: "print TEXT", "sleep", "spam",
// "fail", "environ".
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "print" {
		fmt.Print(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "reach":
			os.Exit(reach(os.Args[2]))
		case "rename":
			os.Exit(renameAndDie(os.Args[2:]))
		case "campaign":
			os.Exit(campaign(os.Args[2:]))
		case "sleep":
			select {}
		case "spam":
			for {
				if _, err := fmt.Println("api_key_or_so"); err != nil {
					os.Exit(1)
				}
			}
		case "fail":
			fmt.Println("a_secret_on_stdout")
			fmt.Fprintln(os.Stderr, "warming up\nthe \x1b[31msafe is closed")
			os.Exit(3)
		case "whisper":
			fmt.Fprintln(os.Stderr, "the safe is closed")
			os.Exit(0)
		case "environ":
			names := []string{}
			for _, v := range os.Environ() {
				name, _, _ := strings.Cut(v, "=")
				names = append(names, name)
			}
			fmt.Printf("key_%d\nsecret_%s\n", len(names), strings.Join(names, "."))
			os.Exit(0)
		}
	}
	// A process with the race detector otherwise sleeps for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	storetest.Short()
	os.Exit(m.Run())
}

func openCommand(t *testing.T, c source.Config, environ ...string) vault.Source {
	t.Helper()
	c.Name, c.Kind = "pm", source.KindCommand
	s, err := source.Open(c.WithDefaults(), source.System{Environ: environ, Now: time.Now, Timeout: time.Second / 2})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func self(args ...string) []string {
	program, _ := os.Executable()
	return append([]string{program}, args...)
}

func TestCommand_ReadsWhatManagersPrint(t *testing.T) {
	for name, text := range map[string]string{
		"JSON":           `{"api_key": "key_1", "api_secret": "secret_1"}`,
		"two lines":      "key_1\nsecret_1\n",
		"CRLF and more":  "\ufeff\r\n  key_1\r\n\r\nsecret_1  \r\n",
		".env":           "export KITE_API_KEY=key_1\nKITE_API_SECRET='secret_1'\n",
		"colours":        "\x1b[32mkey_1\x1b[0m\n\x1b]0;title\asecret_1\x1b[K\n",
		"YAML":           "api_key: key_1\napi_secret: secret_1\n",
		"op":             `[{"id":"x","label":"api_key","value":"key_1"},{"id":"y","label":"api_secret","value":"secret_1"}]`,
		"bw, fields":     `{"object":"item","name":"n","fields":[{"name":"api_key","value":"key_1"},{"name":"api_secret","value":"secret_1"}],"login":{"username":"me","password":"pw"}}`,
		"bw, login":      `{"object":"item","login":{"username":"key_1","password":"secret_1"}}`,
		"more fields":    `{"api_key": "key_1", "api_secret": "secret_1", "label": "Acme", "expires_in": "2m"}`,
		"of accounts":    `{"acme": {"live": {"api_key": "key_1", "api_secret": "secret_1"}, "sandbox": {"api_key": "key_2", "api_secret": "secret_2"}}}`,
		"base64 in half": "a2V5XzE=\nc2VjcmV0XzE=",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openCommand(t, source.Config{Get: self("print", text, "{account}")}).Get(t.Context(), acme)
			if err != nil {
				t.Fatal(err)
			}
			key := got.Current.APIKey.Reveal()
			if (key != "key_1" && key != "a2V5XzE=") || got.Selector != acme || got.Current.APISecret.IsZero() {
				t.Errorf("got %q of %s", key, got.Selector)
			}
		})
	}
}

func TestCommand_SaysWhatIsWrong(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "manager")
	for _, c := range []struct {
		name string
		argv []string
		kind error
		says string
	}{
		{"exit code and the last words", self("fail", "{account}"), source.ErrCommand, "the safe is closed: "},
		{"words on stderr alone", self("whisper", "{account}"), source.ErrMalformed, "the safe is closed: it is empty"},
		{"nothing", self("print", " \n", "{account}"), source.ErrMalformed, "empty"},
		{"three lines", self("print", "a\nb\nc\n", "{account}"), source.ErrMalformed, ""},
		{"a hidden line", self("print", "key_1\n********\n", "{account}"), source.ErrMalformed, "api_secret contains a masked value"},
		{"a hidden field", self("print", `[{"label":"api_key","value":"key_1"},{"label":"api_secret","value":"[use 'op item get x --reveal' to reveal]"}]`, "{account}"), source.ErrMalformed, "api_secret contains a masked value"},
		{"half", self("print", `{"api_key": "leaked_key"}`, "{account}"), source.ErrMalformed, "api_secret"},
		{"of another account", self("print", `{"coral": {"live": {"api_key": "leaked_key", "api_secret": "leaked_secret"}}}`, "{account}"), source.ErrMalformed, "acme/live"},
		{"too much", self("spam", "{account}"), source.ErrCommand, "more than 64 KiB"},
		{"too slow", self("sleep", "{account}"), source.ErrTimeout, "longer than 5s"},
		{"no such program", []string{missing, "{account}"}, source.ErrCommand, "manager"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "too slow" && testing.Short() {
				t.Skip("takes its 5 s")
			}
			_, err := openCommand(t, source.Config{Get: c.argv}).Get(t.Context(), acme)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v and %q", err, c.kind, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "leaked") || strings.Contains(err.Error(), "a_secret_on_stdout") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("the error repeats what was printed: %v", err)
			}
		})
	}
}

func TestCommand_GetsACleanEnvironment(t *testing.T) {
	s := openCommand(t, source.Config{Get: self("environ", "{account}")},
		"PATH=/usr/bin", "HOME=/root", "KITEKEY_PASSPHRASE_FILE=/x", "KITEKEY_HOME=/y", "BAO_TOKEN=t", "VAULT_TOKEN=t", "KITE_AUTHORIZATION=JWT", "BASH_ENV=/evil", "LD_PRELOAD=/evil", "OP_SESSION=s",
		"LD_LIBRARY_PATH=/evil", "BASH_FUNC_gpg%%=() { evil; }", "NODE_OPTIONS=--require=/evil", "SHELLOPTS=xtrace", "PS4=$(evil)")
	got, err := s.Get(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	names := got.Current.APISecret.Reveal()
	if runtime.GOOS == "windows" { // the system adds its own there
		names = strings.Join(slices.DeleteFunc(strings.Split(names, "."), func(name string) bool {
			return strings.HasPrefix(strings.ToUpper(name), "WINE") || strings.HasPrefix(strings.ToUpper(name), "SYSTEM")
		}), ".")
		names = strings.Replace(names, "HOME.OP_SESSION.PATH", "PATH.HOME.OP_SESSION", 1)
	}
	if names != "secret_PATH.HOME.OP_SESSION" {
		t.Errorf("the command sees %s", names)
	}
}

func TestCommand_IsNotTakenFromTheWorkingFolder(t *testing.T) {
	c := source.Config{Name: "pm", Kind: source.KindCommand, Get: []string{filepath.Join("bin", "get"), "{account}"}}
	if err := c.WithDefaults().Check(); err == nil || !strings.Contains(err.Error(), "whole path") {
		t.Errorf("%v", err)
	}
}

func TestCommand_HasNoShell(t *testing.T) {
	s := openCommand(t, source.Config{Get: self("print", `{"api_key": "$(id){account}", "api_secret": "; rm {environment}"}`)})
	got, err := s.Get(t.Context(), acme)
	if err == nil && (got.Current.APIKey.Reveal() != "$(id)acme" || got.Current.APISecret.Reveal() != "; rm live") {
		t.Errorf("got %q", got.Current.APIKey.Reveal())
	} else if err != nil && !errors.Is(err, source.ErrMalformed) {
		t.Error(err)
	}
}

func TestCommand_IsReadOnly(t *testing.T) {
	if _, ok := openCommand(t, source.Config{Get: self("print", "{account}")}).(vault.SourceWriter); ok {
		t.Error("a command can be written")
	}
}

func TestCommand_ListsNames(t *testing.T) {
	for name, text := range map[string]string{
		"paths":  "kitegateway/acme/live\nkitegateway/acme/sandbox\nkitegateway/coral/sandbox\nkitegateway/README\nother\n",
		"titles": `[{"title":"acme/live"},{"title":"acme/sandbox"},{"title":"coral/sandbox"},{"title":"Netflix"}]`,
		"tree":   "kitegateway\n├── \x1b[01;34macme\x1b[0m\n│\u00a0\u00a0 ├── live\n│\u00a0\u00a0 └── sandbox\n└── coral\n    └── sandbox\n",
		"ascii":  "kitegateway\n|-- acme\n|   |-- live\n|   `-- sandbox\n`-- coral\n    `-- sandbox\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := openCommand(t, source.Config{Get: self("print", "{account}"), List: self("print", text), Path: "kitegateway"})
			sels, err := s.List(t.Context())
			if err != nil || fmt.Sprint(sels) != "[acme/live acme/sandbox coral/sandbox]" {
				t.Errorf("%v, %v", sels, err)
			}
		})
	}
	_, err := openCommand(t, source.Config{Get: self("print", "{account}")}).List(t.Context())
	if !errors.Is(err, source.ErrCommand) {
		t.Errorf("without a command that lists: %v", err)
	}
}

// A manager that is locked may report success. Its profiles are not gone.
func TestCommand_DoesNotTakeAMessageForAnEmptyList(t *testing.T) {
	for name, c := range map[string]struct {
		list  []string
		says  string
		empty bool // it is an empty list
	}{
		"a message":           {list: self("print", "Vault is locked.\n"), says: "printed no name of a profile"},
		"an object":           {list: self("print", `{"message":"sign in"}`), says: "printed no name of a profile"},
		"a message on stderr": {list: self("whisper"), says: "the safe is closed: "},
		"nothing":             {list: self("print", "\n"), empty: true},
		"no titles":           {list: self("print", "[]"), empty: true},
		"an empty folder":     {list: self("print", "kitegateway\n"), empty: true},
		"other names":         {list: self("print", "kitegateway/README\n"), empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			sels, err := openCommand(t, source.Config{Get: self("print", "{account}"), List: c.list, Path: "kitegateway"}).List(t.Context())
			switch {
			case len(sels) > 0 || c.empty != (err == nil):
				t.Errorf("%v, %v", sels, err)
			case err != nil && (!errors.Is(err, vault.ErrSourceUnavailable) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestCommand_TellsNamesThatNoProfileCanHave(t *testing.T) {
	s := openCommand(t, source.Config{Get: self("print", "{account}"), List: self("print", "kitegateway/Acme/live\nkitegateway/acme/Live\nkitegateway/acme/live\nkitegateway/acme/notes\n"), Path: "kitegateway"})
	sels, err := s.List(t.Context())
	ignored := s.(vault.Ignorer).Ignored()
	if err != nil || fmt.Sprint(sels) != "[acme/live]" || !slices.Equal(ignored, []string{"Acme/live", "acme/Live"}) {
		t.Errorf("%v, ignored %q, %v", sels, ignored, err)
	}
}

func TestCommand_RefusesUnusableArguments(t *testing.T) {
	for name, c := range map[string]source.Config{
		"empty":       {},
		"one for all": {Get: []string{"pass", "show", "kitegateway"}},
		"zero byte":   {Get: []string{"pass", "{account}\x00"}},
		"preset":      {Preset: "keepass"},
		"address":     {Preset: "pass", Address: "https://bao.example"},
	} {
		c.Name, c.Kind = "pm", source.KindCommand
		if err := c.WithDefaults().Check(); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// The real pass, with a key of its own.
func TestCommand_ReadsPass(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"pass", "gpg", "gpgconf"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs pass and gnupg: apt-get install pass gnupg")
		}
	}
	home, err := os.MkdirTemp("", "kk") // the path of gpg-agent's socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	env := append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "HOME=") }),
		"HOME="+home, "GNUPGHOME="+home, "PASSWORD_STORE_DIR="+filepath.Join(home, "store"))
	run := func(stdin string, argv ...string) {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	run("", "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "kitekey test <test@example.invalid>", "ed25519", "default", "never")
	run("", "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", fingerprint(t, env), "cv25519", "encr", "never")
	t.Cleanup(func() { run("", "gpgconf", "--kill", "gpg-agent") })
	run("", "pass", "init", "test@example.invalid")
	run("key_1\nsecret_1\n", "pass", "insert", "--multiline", "kitegateway/acme/live")
	run("api_key: key_2\napi_secret: secret_2\nurl: https://example.invalid\n", "pass", "insert", "--multiline", "kitegateway/acme/sandbox")

	// gpg restarts its agent if it has ended, and fails meanwhile.
	run("", "pass", "show", "kitegateway/acme/live")

	s := openCommand(t, source.Config{Preset: "pass"}, env...)
	got, err := s.Get(t.Context(), acme)
	if err != nil || got.Current.APIKey.Reveal() != "key_1" || got.Current.APISecret.Reveal() != "secret_1" {
		t.Errorf("two lines: %v", err)
	}
	got, err = s.Get(t.Context(), vault.Selector{Account: "acme", Environment: kite.Sandbox})
	if err != nil || got.Current.APIKey.Reveal() != "key_2" || got.Current.APISecret.Reveal() != "secret_2" {
		t.Errorf("named lines: %v", err)
	}
	if sels, err := s.List(t.Context()); err != nil || fmt.Sprint(sels) != "[acme/live acme/sandbox]" {
		t.Errorf("listed %v, %v", sels, err)
	}
	_, err = s.Get(t.Context(), vault.Selector{Account: "coral", Environment: kite.Live})
	if !errors.Is(err, source.ErrCommand) || !strings.Contains(err.Error(), "not in the password store") {
		t.Errorf("what is not there: %v", err)
	}
}

func fingerprint(t *testing.T, env []string) string {
	t.Helper()
	cmd := exec.Command("gpg", "--batch", "--with-colons", "--list-keys")
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	t.Fatal("no key")
	return ""
}

// A program may start an agent that outlives it and holds its output open.
func TestCommand_MayLeaveAnAgentBehind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a Unix shell")
	}
	t.Parallel()
	s := openCommand(t, source.Config{Get: []string{"sh", "-c", `sleep 4 & printf '{"api_key":"key_%s","api_secret":"secret_1"}' {account}`}})
	item, err := s.Get(t.Context(), acme)
	if err != nil || item.Current.APIKey.Reveal() != "key_acme" {
		t.Errorf("%v", err)
	}
}

func TestCommand_SaysThatAnInterpreterIsMissing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a Unix shell")
	}
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/nonexistent/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := openCommand(t, source.Config{Get: []string{script, "{account}"}}).Get(t.Context(), acme)
	if err == nil || !strings.Contains(err.Error(), "the interpreter or loader that it names does not exist") {
		t.Error(err)
	}
}

package source_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
	"kitekey/vault/source/sourcetest"
)

var acme = vault.Selector{Account: "acme", Environment: kite.Live}

// standIn returns a server with a mount that holds acme/live, and a source for it.
func standIn(t *testing.T) (*sourcetest.Server, sourcetest.Engine, sourcetest.Source, string) {
	t.Helper()
	s := sourcetest.New(nil)
	t.Cleanup(s.Close)
	e := sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}
	mount := e.Mount(t, 2)
	src := e.Open(t, mount, e.Root)
	if err := src.Put(t.Context(), sourcetest.Item(acme, 1, 0)); err != nil {
		t.Fatal(err)
	}
	s.Requests()
	return s, e, src, mount
}

func TestGet_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const page = "<!DOCTYPE html><title>Sign in</title>"
	for _, c := range []struct {
		name  string
		knobs sourcetest.Knobs
		kind  error
		says  []string // in the error's text
	}{
		{"sealed", sourcetest.Knobs{Status: 503, Message: "Vault is sealed"}, source.ErrSealed, []string{"bao: the engine is sealed", "status 503: Vault is sealed"}},
		{"disaster recovery secondary", sourcetest.Knobs{Status: 472}, source.ErrStandby, []string{"standby", "472"}},
		{"performance standby", sourcetest.Knobs{Status: 473}, source.ErrStandby, []string{"standby", "473"}},
		{"no active node", sourcetest.Knobs{Status: 500, Message: "local node not active but active cluster node not found"}, source.ErrStandby, []string{"not found"}},
		{"standby that redirects", sourcetest.Knobs{Standby: "https://active.example:8200"}, source.ErrStandby, []string{"the active node is active.example:8200"}},
		{"rate limited for long", sourcetest.Knobs{Limit: 99, After: "3600"}, source.ErrRateLimited, []string{"limits the rate", "429", "try again in 1h0m0s"}},
		{"engine failed", sourcetest.Knobs{Status: 500, Message: "1 error occurred:\n\t* storage\x1b[31m on fire\n\n"}, source.ErrEngine, []string{"status 500: storage on fire"}},
		{"gateway failed", sourcetest.Knobs{Status: 502, Message: "x"}, source.ErrEngine, []string{"502"}},
		{"proxy page", sourcetest.Knobs{Page: page}, source.ErrNotEngine, []string{"something other than OpenBao or Vault answered", "a web page"}},
		{"proxy page with a failure", sourcetest.Knobs{Page: page, Status: 502}, source.ErrNotEngine, []string{"status 502", "a web page"}},
		{"proxy page with 403", sourcetest.Knobs{Page: page, Status: 403}, source.ErrNotEngine, []string{"status 403", "a web page"}},
		{"not JSON", sourcetest.Knobs{Page: strings.Repeat("x", 9)}, source.ErrNotEngine, nil},
		{"too large", sourcetest.Knobs{Page: strings.Repeat("x", 2<<20)}, source.ErrNotEngine, []string{"larger than 1 MiB"}},
		{"connection broken", sourcetest.Knobs{Drop: "GET"}, source.ErrUnreachable, []string{"cannot be reached"}},
		{"too slow", sourcetest.Knobs{Latency: time.Minute}, source.ErrTimeout, []string{"no answer in time"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, e, _, mount := standIn(t)
			sys := sourcetest.System(e.Root)
			sys.Timeout = 500 * time.Millisecond
			src, err := source.Open(e.Config(mount), sys)
			if err != nil {
				t.Fatal(err)
			}
			s.Set(c.knobs)
			_, err = src.Get(t.Context(), acme)
			if !errors.Is(err, c.kind) || !errors.Is(err, vault.ErrSourceUnavailable) {
				t.Fatalf("got %v, want %v", err, c.kind)
			}
			host := strings.TrimPrefix(s.URL, "http://")
			for _, part := range append(c.says, host) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if strings.ContainsAny(err.Error(), "\x1b\n\t") || strings.Contains(err.Error(), sourcetest.RootToken) {
				t.Errorf("the text is not fit to be shown: %q", err)
			}
		})
	}
}

// What a colleague has put there by hand is told as it is.
func TestGet_SaysWhatIsWrongWithTheFields(t *testing.T) {
	for name, c := range map[string]struct {
		fields map[string]any
		says   string
	}{
		"nothing":         {map[string]any{"x": "y"}, "api_key and api_secret are missing"},
		"a number":        {map[string]any{"api_key": 12345, "api_secret": "s"}, "api_key is not text"},
		"a list":          {map[string]any{"api_key": "k", "api_secret": []string{"s"}}, "api_secret is an object or a list: it must be text"},
		"hyphens":         {map[string]any{"api-key": "k", "apiSecret": "s"}, "api_key is missing, and api-key is there: the field must be called api_key"},
		"inside a field":  {map[string]any{"a": "b", "data": map[string]any{"api_key": "k", "api_secret": "s"}}, `inside the field "data"`},
		"of both":         {map[string]any{"sandbox": map[string]any{"api_key": "k"}, "live": map[string]any{"api_key": "k"}}, `inside the field "live"`},
		"null":            {map[string]any{"api_key": "k", "api_secret": nil}, "api_secret is empty"},
		"capitals":        {map[string]any{"API_KEY": "k", "API_SECRET": "s"}, "api_key is missing, and API_KEY is there"},
		"a break at last": {map[string]any{"api_key": "key-1234\n", "api_secret": "secret-1234"}, "a space or a line break before or after"},
	} {
		t.Run(name, func(t *testing.T) {
			_, e, src, mount := standIn(t)
			e.Call(t, http.MethodPost, mount+"/data/kitegateway/acme/live", map[string]any{"data": c.fields})
			_, err := src.Get(t.Context(), acme)
			if !errors.Is(err, source.ErrMalformed) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// What kitekey cannot read stays as it was when it writes the secret.
func TestPut_KeepsFieldsThatItCannotRead(t *testing.T) {
	t.Parallel()
	_, e, src, mount := standIn(t)
	path := mount + "/data/kitegateway/acme/live"
	fields := map[string]any{
		"label": map[string]any{"en": "Acme"}, "expires_in": "five minutes", "previous_api_key": "old_key\n", "previous_api_secret": "old_secret",
		"staged_api_key": "half", "previous_replaced_at": "yesterday", "owner": "payments",
	}
	for name, current := range map[string][2]any{"a credential": {"key_1", "secret_1"}, "no credential": {12345, "secret_1"}} {
		fields["api_key"], fields["api_secret"] = current[0], current[1]
		e.Call(t, http.MethodPost, path, map[string]any{"data": fields})
		item, err := src.Get(t.Context(), acme)
		if err != nil && !errors.Is(err, source.ErrMalformed) {
			t.Fatal(err)
		}
		item.Current = sourcetest.Credential(2)
		if err := src.Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
		got := e.Call(t, http.MethodGet, path, nil)["data"].(map[string]any)["data"].(map[string]any)
		want := maps.Clone(fields)
		want["api_key"], want["api_secret"] = sourcetest.Credential(2).APIKey.Reveal(), sourcetest.Credential(2).APISecret.Reveal()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("over %s: %v\nwant %v", name, got, want)
		}
	}
}

func TestList_TellsNamesThatNoProfileCanHave(t *testing.T) {
	_, e, src, mount := standIn(t)
	for _, path := range []string{"Coral/live", "..a/live", "-x/live", "\u00fcn\u00ef/sandbox", "acme/Sandbox", "acme/staging"} {
		e.Call(t, http.MethodPost, mount+"/data/kitegateway/"+url.PathEscape(path[:strings.Index(path, "/")])+path[strings.Index(path, "/"):], map[string]any{"data": map[string]any{"x": "y"}})
	}
	list, err := src.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	ignored := src.(vault.Ignorer).Ignored()
	if want := []string{"-x", "Coral", "acme/Sandbox", "\u00fcn\u00ef"}; !slices.Equal(ignored, want) {
		t.Errorf("ignored %q, want %q", ignored, want)
	}
}

// Thousands of names take thousands of requests.
func TestList_TellsHowFarItIs(t *testing.T) {
	_, e, _, mount := standIn(t)
	for _, path := range []string{"coral/live", "coral/sandbox"} {
		e.Call(t, http.MethodPost, mount+"/data/kitegateway/"+path, map[string]any{"data": map[string]any{"x": "y"}})
	}
	var got []string
	sys := sourcetest.System(e.Root)
	sys.Progress = func(done, total int) { got = append(got, fmt.Sprintf("%d/%d", done, total)) }
	src, err := source.Open(e.Config(mount), sys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0/2", "1/2", "2/2", "0/3", "1/3", "2/3", "3/3"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// A policy may leave out some: the others' deletions are seen all the same.
func TestList_SeesDeletionsBesideMetadataThatIsDenied(t *testing.T) {
	t.Parallel()
	s, e, _, mount := standIn(t)
	for i := range 40 {
		e.Call(t, http.MethodPost, fmt.Sprintf("%s/data/kitegateway/m%02d/live", mount, i), map[string]any{"data": map[string]any{"x": "y"}})
	}
	e.Call(t, http.MethodDelete, mount+"/data/kitegateway/m39/live", nil)
	policy := fmt.Sprintf(`path "%s/metadata/kitegateway/*" { capabilities = ["list", "read"] }`, mount) +
		fmt.Sprintf(`path "%s/metadata/kitegateway/acme/*" { capabilities = ["list"] }`, mount)
	if list, err := e.Open(t, mount, e.Token(t, policy, "5m")).List(t.Context()); err != nil || len(list) != 40 {
		t.Errorf("%d listed, %v", len(list), err)
	}
	// Where all are denied, not all are asked for.
	policy = fmt.Sprintf(`path "%s/metadata/kitegateway/*" { capabilities = ["list"] }`, mount)
	src := e.Open(t, mount, e.Token(t, policy, "5m"))
	s.Requests()
	if list, err := src.List(t.Context()); err != nil || len(list) != 41 || len(s.Requests()) > 41+2*32 {
		t.Errorf("%d listed, %v", len(list), err)
	}
}

// The engine dates deletions by its own clock.
func TestList_KnowsDeletionsWhereThisClockIsWrong(t *testing.T) {
	t.Parallel()
	_, e, src, mount := standIn(t)
	if err := src.Delete(t.Context(), acme, 1); err != nil {
		t.Fatal(err)
	}
	sys := sourcetest.System(e.Root)
	sys.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
	slow, err := source.Open(e.Config(mount), sys)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := slow.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
}

func TestGet_IsOneRequest(t *testing.T) {
	s, _, src, mount := standIn(t)
	for range 3 {
		if _, err := src.Get(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
	}
	want := "GET " + mount + "/data/kitegateway/acme/live"
	if got := s.Requests(); len(got) != 3 || slices.ContainsFunc(got, func(r string) bool { return r != want }) {
		t.Errorf("requests %q", got)
	}
}

func TestGet_WaitsOutAShortLimit(t *testing.T) {
	s, _, src, _ := standIn(t)
	s.Set(sourcetest.Knobs{Limit: 2})
	if _, err := src.Get(t.Context(), acme); err != nil {
		t.Error(err)
	}
}

func TestGet_ReadsAgainAfterABrokenConnection(t *testing.T) {
	s, _, src, _ := standIn(t)
	if _, err := src.Get(t.Context(), acme); err != nil { // leaves a connection open
		t.Fatal(err)
	}
	s.CloseClientConnections()
	if _, err := src.Get(t.Context(), acme); err != nil {
		t.Error(err)
	}
}

func TestGet_EndsWithItsCaller(t *testing.T) {
	s, _, src, _ := standIn(t)
	s.Set(sourcetest.Knobs{Latency: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := src.Get(ctx, acme); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPut_LooksWhetherAWriteWithoutReplyWasMade(t *testing.T) {
	s, e, src, mount := standIn(t)
	s.Set(sourcetest.Knobs{Drop: "POST"})
	if err := src.Put(t.Context(), sourcetest.Item(acme, 2, 1)); err != nil {
		t.Errorf("the write was made, and only its reply lost: %v", err)
	}
	if got, err := src.Get(t.Context(), acme); err != nil || got.Version != 2 || !sourcetest.Is(got.Current, 2) {
		t.Errorf("version %d, %v", got.Version, err)
	}
	s.Set(sourcetest.Knobs{Status: 500, Message: "x"})
	err := src.Put(t.Context(), sourcetest.Item(acme, 3, 2))
	var f *source.Error
	if !errors.As(err, &f) || !f.Unknown || !strings.Contains(err.Error(), "not known whether") {
		t.Errorf("got %v", err)
	}
	// A write that cannot have happened is not called unknown.
	s.Set(sourcetest.Knobs{Status: 503, Message: "Vault is sealed"})
	if err := src.Put(t.Context(), sourcetest.Item(acme, 3, 2)); !errors.As(err, &f) || f.Unknown {
		t.Errorf("got %v", err)
	}
	s.Close()
	src = e.Open(t, mount, e.Root)
	if err := src.Put(t.Context(), sourcetest.Item(acme, 3, 2)); !errors.As(err, &f) || f.Unknown || f.Kind != source.ErrUnreachable {
		t.Errorf("got %v", err)
	}
}

func TestOpen_TrustsItsOwnCAFile(t *testing.T) {
	s := sourcetest.NewTLS(nil)
	t.Cleanup(s.Close)
	c := source.Config{Name: "bao", Kind: source.KindVault, Address: s.URL, CA: filepath.Join(t.TempDir(), "ca.pem")}.WithDefaults()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(c.CA, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(c source.Config) error {
		src, err := source.Open(c, sourcetest.System(sourcetest.RootToken))
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Get(t.Context(), acme)
		return err
	}
	if err := get(c); !errors.Is(err, source.ErrNoMount) { // the server has no mount, so it was reached
		t.Errorf("with the CA: %v", err)
	}
	c.CA = ""
	if err := get(c); !errors.Is(err, source.ErrUnreachable) || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without it: %v", err)
	}
	c.CA = "/nonexistent"
	if err := c.Check(); err == nil {
		t.Error("a missing CA file passes")
	}
}

// crypto/x509 reads the variables once in a process, so the test runs in a process
// of its own.
func TestOpen_TrustsNoVariable(t *testing.T) {
	s := sourcetest.NewTLS(nil)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "reach", s.URL)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+ca)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "x509") {
		t.Errorf("SSL_CERT_FILE decides who is trusted: %s %v", out, err)
	}
}

// reach returns the error of reading from an engine at an address.
func reach(address string) int {
	c := source.Config{Name: "bao", Kind: source.KindVault, Address: address}.WithDefaults()
	src, err := source.Open(c, sourcetest.System(sourcetest.RootToken))
	if err == nil {
		_, err = src.Get(context.Background(), acme)
	}
	fmt.Println(err)
	return 0
}

func TestToken_IsNotSentToAnotherServer(t *testing.T) {
	_, e, _, mount := standIn(t)
	home := t.TempDir()
	sys := sourcetest.System("")
	sys.Home = home
	env := map[string]string{"VAULT_TOKEN": e.Root}
	sys.Getenv = func(name string) string { return env[name] }
	get := func() error {
		src, err := source.Open(e.Config(mount), sys)
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Get(t.Context(), acme)
		return err
	}
	if err := get(); err != nil {
		t.Errorf("VAULT_TOKEN: %v", err)
	}
	env["VAULT_ADDR"] = "https://other.example:8200"
	if err := get(); !errors.Is(err, source.ErrNoToken) || !strings.Contains(err.Error(), "VAULT_TOKEN is for VAULT_ADDR") {
		t.Errorf("another server's VAULT_TOKEN: %v", err)
	}
	env["VAULT_ADDR"] = e.Address + "/"
	if err := get(); err != nil {
		t.Errorf("VAULT_ADDR is this server's: %v", err)
	}
	clear(env)
	for _, file := range []string{".vault-token", ".bao-token"} {
		if err := os.WriteFile(filepath.Join(home, file), []byte(e.Root+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get(); err != nil {
			t.Errorf("~/%s: %v", file, err)
		}
		if err := os.Remove(filepath.Join(home, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(); !errors.Is(err, source.ErrNoToken) {
		t.Errorf("no token at all: %v", err)
	}
}

func TestToken_IsLookedForAgainWhenItHasExpired(t *testing.T) {
	_, e, _, mount := standIn(t)
	file := filepath.Join(t.TempDir(), ".vault-token")
	sys := sourcetest.System("")
	sys.Home = filepath.Dir(file)
	old := e.Token(t, sourcetest.Developers(mount), "5m")
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := source.Open(e.Config(mount), sys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Get(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	e.Call(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": old})
	if _, err := src.Get(t.Context(), acme); !errors.Is(err, source.ErrToken) {
		t.Errorf("revoked: %v", err)
	}
	if err := os.WriteFile(file, []byte(e.Root), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Get(t.Context(), acme); err != nil {
		t.Errorf("after signing in again: %v", err)
	}
}

// A screen may stay open for longer than a token lives.
func TestToken_IsRenewedWhileTheSourceIsOpen(t *testing.T) {
	t.Parallel()
	s, e, _, mount := standIn(t)
	c, sys := e.Config(mount), sourcetest.System("")
	now := time.Now()
	c.Login, sys.Now = true, func() time.Time { return now }
	first, err := source.SignIn(t.Context(), c, sys, kite.NewSecret(e.Token(t, sourcetest.Developers(mount), "1h")))
	if err != nil {
		t.Fatal(err)
	}
	src, err := source.Open(c, sys)
	if err != nil {
		t.Fatal(err)
	}
	renewals := func() (n int) {
		for _, r := range s.Requests() {
			if strings.HasSuffix(r, "renew-self") {
				n++
			}
		}
		return n
	}
	for _, at := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {31 * time.Minute, 1}, {32 * time.Minute, 0}} {
		now = first.Obtained.Add(at.after)
		if _, err := src.Get(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if n := renewals(); n != at.want {
			t.Errorf("%d renewals after %v, want %d", n, at.after, at.want)
		}
	}
}

// A connection that is kept has the token and the credential in its buffers.
func TestLock_ForgetsTheTokenAndClosesConnections(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	var tokens []string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("X-Vault-Token"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"data":{"api_key":"key_1","api_secret":"secret_1"},"metadata":{"version":1}}}`))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	token := "first"
	sys := sourcetest.System("")
	sys.Getenv = func(name string) string { return map[string]string{"BAO_TOKEN": token}[name] }
	src, err := source.Open(sourcetest.Engine{Address: s.URL}.Config("secret"), sys)
	if err != nil {
		t.Fatal(err)
	}
	get := func() {
		if _, err := src.Get(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
	}
	get()
	token = "second"
	get()
	src.(interface{ Lock() }).Lock()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the connection stays open")
	}
	get()
	if want := []string{"first", "first", "second"}; !slices.Equal(tokens, want) {
		t.Errorf("tokens %q, want %q", tokens, want)
	}
}

func TestMount_MustBeTheWholePath(t *testing.T) {
	t.Parallel()
	_, e, _, mount := standIn(t)
	src := e.Open(t, mount+"/data", e.Root)
	_, get := src.Get(t.Context(), acme)
	_, list := src.List(t.Context())
	for what, err := range map[string]error{"get": get, "list": list, "put": src.Put(t.Context(), sourcetest.Item(acme, 1, 0))} {
		if !errors.Is(err, source.ErrNoMount) || !strings.Contains(err.Error(), fmt.Sprintf("the mount is %q", mount)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestConfig_RefusesWhatWouldNotBeSafe(t *testing.T) {
	good := source.Config{Name: "bao", Kind: source.KindVault, Address: "https://bao.example:8200/", Mount: "/team/kv/"}.WithDefaults()
	if err := good.Check(); err != nil || good.Address != "https://bao.example:8200" || good.Mount != "team/kv" || good.Path != "kitegateway" {
		t.Errorf("%+v: %v", good, err)
	}
	for name, change := range map[string]func(*source.Config){
		"no name":            func(c *source.Config) { c.Name = "" },
		"name":               func(c *source.Config) { c.Name = "Bao!" },
		"kind":               func(c *source.Config) { c.Kind = "consul" },
		"no address":         func(c *source.Config) { c.Address = "" },
		"no TLS":             func(c *source.Config) { c.Address = "http://bao.example:8200" },
		"no TLS, like local": func(c *source.Config) { c.Address = "http://localhost.example:8200" },
		"no TLS, zone":       func(c *source.Config) { c.Address = "http://[fe80::1%25lo]:8200" },
		"scheme":             func(c *source.Config) { c.Address = "unix:///run/bao.sock" },
		"user":               func(c *source.Config) { c.Address = "https://me:pw@bao.example" },
		"query":              func(c *source.Config) { c.Address = "https://bao.example?x=1" },
		"path goes up":       func(c *source.Config) { c.Path = "../sys" },
		"mount goes up":      func(c *source.Config) { c.Mount = "kv/../sys" },
		"path with a query":  func(c *source.Config) { c.Path = "a?b" },
		"path with spaces":   func(c *source.Config) { c.Path = "a b" },
		"secret id alone":    func(c *source.Config) { c.SecretIDFile = "x" },
		"two secret ids":     func(c *source.Config) { c.RoleID, c.SecretIDFile, c.SecretIDFD = "r", "x", 3 },
		"stdout":             func(c *source.Config) { c.RoleID, c.SecretIDFD = "r", 1 },
		"command":            func(c *source.Config) { c.Get = []string{"sh"} },
	} {
		c := good
		change(&c)
		if err := c.Check(); err == nil {
			t.Errorf("%s: %+v passes", name, c)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: the error repeats a password: %v", name, err)
		}
	}
	for _, address := range []string{"http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200", "https://[2001:db8::1]:8200/prefix"} {
		c := good
		c.Address = address
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSettings_AreKeptAndFound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if _, err := source.Find(dir, "bao"); !errors.Is(err, source.ErrNoSource) {
		t.Errorf("got %v", err)
	}
	want := source.Config{Name: "bao", Kind: source.KindVault, Address: "https://bao.example"}.WithDefaults()
	err := source.Change(t.Context(), dir, func(all []source.Config) ([]source.Config, error) { return append(all, want), nil })
	if err != nil {
		t.Fatal(err)
	}
	if got, err := source.Find(dir, "bao"); err != nil || got.Address != want.Address || got.Mount != "secret" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := source.Find(dir, "team"); !errors.Is(err, source.ErrNoSource) || !strings.Contains(err.Error(), "bao") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sources.json"), []byte(`{"version": 2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Load(dir); !errors.Is(err, vault.ErrNewer) {
		t.Errorf("a file of a newer version: %v", err)
	}
	unchanged := func(all []source.Config) ([]source.Config, error) { return all, nil }
	if err := source.Change(t.Context(), dir, unchanged); !errors.Is(err, vault.ErrNewer) {
		t.Errorf("a file of a newer version is written: %v", err)
	}
}

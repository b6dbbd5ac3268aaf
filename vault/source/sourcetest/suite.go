package sourcetest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
)

var (
	acme  = vault.Selector{Account: "acme", Environment: kite.Live}
	coral = vault.Selector{Account: "coral", Environment: kite.Sandbox}
)

// Run checks a source and an engine. Nothing else may use the engine meanwhile.
func Run(t *testing.T, e Engine) {
	t.Run("what is put is got, with every field", e.roundTrip)
	t.Run("the secret is plain fields of text", e.plainFields)
	t.Run("fields of others are kept", e.otherFields)
	t.Run("a stale version is a conflict and changes nothing", e.conflict)
	t.Run("a deleted credential is missing, not listed, and can be put again", e.deleted)
	t.Run("a previous name is listed", e.renamed)
	t.Run("of concurrent writers one wins each version", e.concurrent)
	t.Run("what is missing and what is malformed", e.missing)
	t.Run("support reads and cannot write", e.support)
	t.Run("CI reads one path", e.ci)
	t.Run("an expired token", e.expired)
	t.Run("a wrong mount", e.wrongMount)
	t.Run("KV version 1 is refused and not written", e.versionOne)
	t.Run("AppRole", e.appRole)
	t.Run("sign-in keeps the token and renews it", e.login)
	t.Run("the rate limit is kept", e.rateLimit)
	t.Run("a sealed engine", e.sealed)
}

func (e Engine) roundTrip(t *testing.T) {
	s := e.Open(t, e.Mount(t, 2), e.Root)
	item := Item(acme, 1, 0)
	item.Label, item.ExpiresIn = "Acme Ltd", 90
	item.Previous, item.Staged, item.ReplacedAt = Credential(2), Credential(3), time.Unix(1_800_000_000, 0)
	must(t, s.Put(t.Context(), item))
	got, err := s.Get(t.Context(), acme)
	must(t, err)
	if got.Version != 1 || !Is(got.Current, 1) || !Is(got.Previous, 2) || !Is(got.Staged, 3) || got.Label != item.Label ||
		got.ExpiresIn != 90 || !got.ReplacedAt.Equal(item.ReplacedAt) || got.Selector != acme {
		t.Errorf("got %+v", got)
	}
	must(t, s.Put(t.Context(), Item(coral, 4, 0)))
	listed(t, s, acme, coral)
	for _, f := range s.Test(t.Context()) {
		if !f.OK {
			t.Errorf("test: %s: %v", f.Check, f.Err)
		}
	}
}

func (e Engine) plainFields(t *testing.T) {
	mount := e.Mount(t, 2)
	item := Item(acme, 1, 0)
	item.Label, item.ExpiresIn = "Acme & <Co>", 90
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), item))
	fields := e.Call(t, http.MethodGet, mount+"/data/kitegateway/acme/live", nil)["data"].(map[string]any)["data"].(map[string]any)
	want := map[string]any{"api_key": "key_00000001_abcd", "api_secret": `secret_00000001_with-"quotes"&<more>`, "label": "Acme & <Co>", "expires_in": "90"}
	if fmt.Sprint(fields) != fmt.Sprint(want) {
		t.Errorf("fields %v", fields)
	}
}

func (e Engine) otherFields(t *testing.T) {
	mount := e.Mount(t, 2)
	path := mount + "/data/kitegateway/acme/live"
	e.Call(t, http.MethodPost, path, map[string]any{"data": map[string]any{
		"api_key": "key_1", "api_secret": "secret_1", "owner": "payments", "terraform": map[string]any{"id": 7}, "expires_in": 60,
	}})
	s := e.Open(t, mount, e.Root)
	item, err := s.Get(t.Context(), acme)
	must(t, err)
	if item.ExpiresIn != 60 {
		t.Errorf("expires_in as a number: %v", item.ExpiresIn)
	}
	item.Current = Credential(2)
	must(t, s.Put(t.Context(), item))
	fields := e.Call(t, http.MethodGet, path, nil)["data"].(map[string]any)["data"].(map[string]any)
	if fields["owner"] != "payments" || fmt.Sprint(fields["terraform"]) != "map[id:7]" || fields["api_key"] != "key_00000002_abcd" {
		t.Errorf("fields %v", fields)
	}
}

func (e Engine) conflict(t *testing.T) {
	s := e.Open(t, e.Mount(t, 2), e.Root)
	must(t, s.Put(t.Context(), Item(acme, 1, 0)))
	is(t, s.Put(t.Context(), Item(acme, 2, 0)), vault.ErrConflict)
	must(t, s.Put(t.Context(), Item(acme, 3, 1)))
	is(t, s.Put(t.Context(), Item(acme, 4, 1)), vault.ErrConflict)
	is(t, s.Delete(t.Context(), acme, 1), vault.ErrConflict)
	got, err := s.Get(t.Context(), acme)
	must(t, err)
	if got.Version != 2 || !Is(got.Current, 3) {
		t.Errorf("version %d", got.Version)
	}
}

func (e Engine) deleted(t *testing.T) {
	s := e.Open(t, e.Mount(t, 2), e.Root)
	must(t, s.Put(t.Context(), Item(acme, 1, 0)))
	must(t, s.Put(t.Context(), Item(coral, 1, 0)))
	must(t, s.Delete(t.Context(), acme, 1))
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrMissing)
	var f *source.Error
	if errors.As(err, &f) && f.Version != 1 {
		t.Errorf("deleted version %d", f.Version)
	}
	listed(t, s, coral)
	must(t, s.Put(t.Context(), Item(acme, 2, 0)))
	got, err := s.Get(t.Context(), acme)
	must(t, err)
	if got.Version != 2 || !Is(got.Current, 2) {
		t.Errorf("version %d", got.Version)
	}
}

func listed(t *testing.T, s Source, want ...vault.Selector) {
	t.Helper()
	found, err := s.List(t.Context())
	must(t, err)
	var sels []vault.Selector
	for _, l := range found {
		sels = append(sels, l.Selector)
	}
	if !slices.Equal(sels, want) {
		t.Errorf("listed %v, want %v", sels, want)
	}
}

func (e Engine) renamed(t *testing.T) {
	mount := e.Mount(t, 2)
	s := e.Open(t, mount, e.Token(t, Developers(mount), "5m"))
	item := Item(coral, 1, 0)
	item.Was = acme
	must(t, s.Put(t.Context(), item))
	found, err := s.List(t.Context())
	must(t, err)
	if len(found) != 1 || found[0] != (vault.Listed{Selector: coral, Was: acme}) {
		t.Errorf("listed %v", found)
	}
}

func (e Engine) concurrent(t *testing.T) {
	mount := e.Mount(t, 2)
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), Item(acme, 0, 0)))
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		s := e.Open(t, mount, e.Root)
		wg.Go(func() {
			for n := 0; n < each; {
				item, err := s.Get(t.Context(), acme)
				if err == nil {
					item.Current = Credential(1000*w + n)
					err = s.Put(t.Context(), item)
				}
				switch {
				case err == nil:
					n++
				case !errors.Is(err, vault.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := e.Open(t, mount, e.Root).Get(t.Context(), acme)
	must(t, err)
	if got.Version != 1+writers*each {
		t.Errorf("%d versions, want %d: a write was lost or doubled", got.Version, 1+writers*each)
	}
}

func (e Engine) missing(t *testing.T) {
	mount := e.Mount(t, 2)
	s := e.Open(t, mount, e.Root)
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrMissing)
	is(t, err, vault.ErrNotFound)
	if sels, err := s.List(t.Context()); err != nil || len(sels) > 0 {
		t.Errorf("an empty mount lists %v, %v", sels, err)
	}
	for _, fields := range []map[string]any{{}, {"api_key": "k"}, {"api_secret": "s"}, {"api_key": 7, "api_secret": "s"}, {"api_key": "a b\n", "api_secret": "s"}} {
		e.Call(t, http.MethodPost, mount+"/data/kitegateway/acme/live", map[string]any{"data": fields})
		_, err := s.Get(t.Context(), acme)
		is(t, err, source.ErrMalformed)
		is(t, err, vault.ErrNotFound)
	}
	// Items with other names are not kitekey's.
	for _, path := range []string{"acme/staging", "UPPER/live", "acme/live/deeper", "file"} {
		e.Call(t, http.MethodPost, mount+"/data/kitegateway/"+path, map[string]any{"data": map[string]any{"a": "b"}})
	}
	listed(t, s, acme)
}

func (e Engine) support(t *testing.T) {
	mount := e.Mount(t, 2)
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), Item(acme, 1, 0)))
	s := e.Open(t, mount, e.Token(t, Support(mount), "5m"))
	if got, err := s.Get(t.Context(), acme); err != nil || !Is(got.Current, 1) {
		t.Errorf("support reads: %v", err)
	}
	if sels, err := s.List(t.Context()); err != nil || len(sels) != 1 {
		t.Errorf("support lists: %v, %v", sels, err)
	}
	data := mount + "/data/kitegateway/"
	denied(t, s.Put(t.Context(), Item(acme, 2, 1)), data+"acme/live", "update")
	denied(t, s.Put(t.Context(), Item(coral, 2, 0)), data+"coral/sandbox", "create")
	denied(t, s.Delete(t.Context(), acme, 1), data+"acme/live", "delete")
	var checks []string
	for _, f := range s.Test(t.Context()) {
		checks = append(checks, fmt.Sprint(f.Check, " ", f.OK))
	}
	if got := strings.Join(checks, ", "); got != "server true, sign-in true, mount true, list true, read true, write false, delete false" {
		t.Errorf("test: %s", got)
	}
	d := e.Open(t, mount, e.Token(t, Developers(mount), "5m"))
	must(t, d.Put(t.Context(), Item(acme, 2, 1)))
	must(t, d.Put(t.Context(), Item(coral, 2, 0)))
	must(t, d.Delete(t.Context(), coral, 1))
}

func denied(t *testing.T, err error, path, capability string) {
	t.Helper()
	is(t, err, source.ErrDenied)
	is(t, err, vault.ErrSourceUnavailable)
	var f *source.Error
	if errors.As(err, &f) && (f.Path != path || f.Capability != capability || f.Status != 403) {
		t.Errorf("denied %q on %s (%d), want %q on %s", f.Capability, f.Path, f.Status, capability, path)
	}
}

func (e Engine) ci(t *testing.T) {
	mount := e.Mount(t, 2)
	root := e.Open(t, mount, e.Root)
	must(t, root.Put(t.Context(), Item(acme, 1, 0)))
	must(t, root.Put(t.Context(), Item(coral, 1, 0)))
	s := e.Open(t, mount, e.Token(t, CI(mount, acme), "5m"))
	if got, err := s.Get(t.Context(), acme); err != nil || !Is(got.Current, 1) {
		t.Errorf("CI reads its path: %v", err)
	}
	_, err := s.Get(t.Context(), coral)
	denied(t, err, mount+"/data/kitegateway/coral/sandbox", "read")
	_, err = s.List(t.Context())
	denied(t, err, mount+"/metadata/kitegateway/", "list")
}

func (e Engine) expired(t *testing.T) {
	mount := e.Mount(t, 2)
	token := e.Token(t, Developers(mount), "5m")
	e.Call(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": token})
	s := e.Open(t, mount, token)
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrToken)
	is(t, s.Put(t.Context(), Item(acme, 1, 0)), source.ErrToken)
	_, err = e.Open(t, mount, "").Get(t.Context(), acme)
	is(t, err, source.ErrNoToken)
}

func (e Engine) wrongMount(t *testing.T) {
	s := e.Open(t, "no-such-mount", e.Root)
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrNoMount)
	_, err = s.List(t.Context())
	is(t, err, source.ErrNoMount)
	is(t, s.Put(t.Context(), Item(acme, 1, 0)), source.ErrNoMount)
	limited := e.Open(t, "no-such-mount", e.Token(t, Support("secret"), "5m"))
	_, err = limited.Get(t.Context(), acme)
	denied(t, err, "no-such-mount/data/kitegateway/acme/live", "read")
}

func (e Engine) versionOne(t *testing.T) {
	mount := e.Mount(t, 1)
	s := e.Open(t, mount, e.Root)
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrKV1)
	_, err = s.List(t.Context())
	is(t, err, source.ErrKV1)
	is(t, s.Put(t.Context(), Item(acme, 1, 0)), source.ErrKV1)
	if status, _ := e.As(t, e.Root, http.MethodGet, mount+"/data/kitegateway/acme/live", nil); status != 404 {
		t.Errorf("something was written to a mount of version 1: %d", status)
	}
}

func (e Engine) appRole(t *testing.T) {
	mount := e.Mount(t, 2)
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), Item(acme, 1, 0)))
	roleID, secretID := e.AppRole(t, CI(mount, acme))
	c := e.Config(mount)
	c.RoleID, c.SecretIDFile = roleID, t.TempDir()+"/secret-id"
	c = c.WithDefaults()
	write := func(text string) { must(t, writeFile(c.SecretIDFile, text)) }
	write(secretID + "\n")
	s := open(t, c, System(""))
	for range 2 { // one sign-in for both
		if got, err := s.Get(t.Context(), acme); err != nil || !Is(got.Current, 1) {
			t.Errorf("with an AppRole: %v", err)
		}
	}
	write("nonsense")
	_, err := open(t, c, System("")).Get(t.Context(), acme)
	is(t, err, source.ErrSignIn)
	write("")
	_, err = open(t, c, System("")).Get(t.Context(), acme)
	is(t, err, source.ErrNoToken)
	write(secretID)
	c.AuthMount = "no-such-auth"
	_, err = open(t, c, System("")).Get(t.Context(), acme)
	is(t, err, source.ErrSignIn)
}

func (e Engine) login(t *testing.T) {
	mount := e.Mount(t, 2)
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), Item(acme, 1, 0)))
	token := e.Token(t, Developers(mount), "5m")
	c, sys := e.Config(mount), System("")
	c.Login = true
	_, err := source.SignIn(t.Context(), c, sys, kite.NewSecret("hvs.nonsense"))
	is(t, err, source.ErrToken)
	_, err = open(t, c, sys).Get(t.Context(), acme)
	is(t, err, source.ErrNoToken)
	first, err := source.SignIn(t.Context(), c, sys, kite.NewSecret(token))
	must(t, err)
	if !first.Renewable || first.Expires.Sub(first.Obtained) < 4*time.Minute {
		t.Errorf("kept %+v", first)
	}
	_, err = open(t, c, sys).Get(t.Context(), acme)
	must(t, err)
	// It is renewed in the second half of its life.
	later := func() time.Time { return time.Now().Add(3 * time.Minute) }
	sys.Now = later
	_, err = open(t, c, sys).Get(t.Context(), acme)
	must(t, err)
	kept, err := source.LoadLogin(t.Context(), sys, c)
	must(t, err)
	if kept.Expires.Before(first.Expires.Add(time.Minute)) {
		t.Errorf("not renewed: expires %v, first %v", kept.Expires, first.Expires)
	}
	must(t, source.Logout(t.Context(), sys.Store, c.Name))
	_, err = open(t, c, sys).Get(t.Context(), acme)
	is(t, err, source.ErrNoToken)
}

func (e Engine) rateLimit(t *testing.T) {
	mount := e.Mount(t, 2)
	must(t, e.Open(t, mount, e.Root).Put(t.Context(), Item(acme, 1, 0)))
	s := e.Open(t, mount, e.Root)
	const rate, reads = 40, 80
	e.Call(t, http.MethodPost, "sys/quotas/rate-limit/"+mount, map[string]any{"path": mount + "/", "rate": rate})
	began := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range reads / 8 {
				if _, err := s.Get(t.Context(), acme); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took < (reads-rate-1)*time.Second/rate {
		t.Errorf("%d reads took %v with a limit of %d a second: there was none", reads, took, rate)
	}
}

func (e Engine) sealed(t *testing.T) {
	if e.Unseal == nil {
		t.Skip("this engine cannot be unsealed")
	}
	mount := e.Mount(t, 2)
	s := e.Open(t, mount, e.Root)
	must(t, s.Put(t.Context(), Item(acme, 1, 0)))
	e.Call(t, http.MethodPut, "sys/seal", nil)
	_, err := s.Get(t.Context(), acme)
	is(t, err, source.ErrSealed)
	is(t, err, vault.ErrSourceUnavailable)
	err = s.Put(t.Context(), Item(acme, 2, 1))
	is(t, err, source.ErrSealed)
	if found := s.Test(t.Context()); len(found) != 1 || !errors.Is(found[0].Err, source.ErrSealed) {
		t.Errorf("test: %+v", found)
	}
	e.Unseal(t)
	if got, err := s.Get(t.Context(), acme); err != nil || !Is(got.Current, 1) || got.Version != 1 {
		t.Errorf("after unsealing: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

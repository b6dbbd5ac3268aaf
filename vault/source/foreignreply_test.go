package source_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
	"kitekey/vault/source/sourcetest"
)

// answering returns a source whose server answers every request with reply.
func answering(t *testing.T, reply http.HandlerFunc) (sourcetest.Source, source.Config, source.System) {
	t.Helper()
	s := httptest.NewServer(reply)
	t.Cleanup(s.Close)
	c, sys := sourcetest.Engine{Address: s.URL}.Config("secret"), sourcetest.System(sourcetest.RootToken)
	src, err := source.Open(c, sys)
	if err != nil {
		t.Fatal(err)
	}
	return src.(sourcetest.Source), c, sys
}

// What a proxy or another program answers in JSON is never taken for the engine's
// word: a list without names would empty the list of profiles.
func TestReply_OfAnotherServerIsNotTheEngines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		says   string
	}{
		{403, `{"message":"Forbidden"}`, "status 403: Forbidden: its JSON is not the engine's"},
		{404, `{"message":"no Route matched"}`, "no Route matched"},
		{404, ``, "an empty reply"},
		{404, `{"errors":null}`, "not the engine's"},
		{400, `{"errors":{"path":"unknown"}}`, "not the engine's"},
		{401, `{"error":"unauthorized"}`, "401"},
		{503, `{"message":"Service Unavailable"}`, "503"},
		{503, ``, "an empty reply"},
		{200, `{}`, "the reply is not"},
		{200, `null`, "the reply is not"},
		{200, `{"data":null}`, "the reply is not"},
		{200, `{"data":[]}`, "the reply is not"},
		{200, `{"status":"ok"}`, "the reply is not"},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			t.Parallel()
			src, config, sys := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, get := src.Get(t.Context(), acme)
			_, list := src.List(t.Context())
			put := src.Put(t.Context(), sourcetest.Item(acme, 1, 1))
			_, login := source.SignIn(t.Context(), config, sys, kite.NewSecret("hvs.x"))
			for what, err := range map[string]error{"get": get, "list": list, "put": put, "sign in": login} {
				if !errors.Is(err, source.ErrNotEngine) || !errors.Is(err, vault.ErrSourceUnavailable) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want %q", what, err, c.says)
				}
			}
		})
	}
}

// A 503 is a sealed engine only where the engine says so.
func TestGet_TellsASealedEngineFromABusyOne(t *testing.T) {
	t.Parallel()
	s, _, src, _ := standIn(t)
	s.Set(sourcetest.Knobs{Status: 503, Message: "too many requests in flight"})
	if _, err := src.Get(t.Context(), acme); !errors.Is(err, source.ErrEngine) || !strings.Contains(err.Error(), "in flight") {
		t.Errorf("got %v", err)
	}
}

// A node that has not caught up yet answers 412, a busy server 503 with Retry-After.
func TestGet_AsksAgainWhenTheServerWantsThat(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusPreconditionFailed, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			src, _, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if asked.Add(1) <= 2 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, `{"errors":["not yet"]}`)
					return
				}
				_, _ = io.WriteString(w, `{"data":{"data":{"api_key":"key_1","api_secret":"secret_1"},"metadata":{"version":1}}}`)
			})
			if got, err := src.Get(t.Context(), acme); err != nil || got.Current.APIKey.Reveal() != "key_1" {
				t.Errorf("%v after %d requests", err, asked.Load())
			}
		})
	}
}

// What a server in front of the engine quotes must not come into an error, which is shown
// and logged.
func TestReply_QuotesNoSecret(t *testing.T) {
	t.Parallel()
	acme := sourcetest.Credential(1)
	for name, reply := range map[string]http.HandlerFunc{
		"message": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			said, _ := json.Marshal(map[string][]string{"errors": {"bad token " + r.Header.Get("X-Vault-Token"), "in " + string(body)}})
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(said)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://"+r.Header.Get("X-Vault-Token")+".example/")
			w.WriteHeader(http.StatusFound)
		},
		"type": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/"+r.Header.Get("X-Vault-Token"))
			_, _ = io.WriteString(w, "x")
		},
		"broken header": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+r.Header.Get("X-Vault-Token")+"\r\n\r\n")
				_ = conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, _, _ := answering(t, reply)
			sel := vault.Selector{Account: "acme", Environment: kite.Sandbox}
			_, got := src.Get(t.Context(), sel)
			put := src.Put(t.Context(), vault.SourceItem{Entry: vault.Entry{Selector: sel, Current: acme}, Version: 1})
			for _, err := range []error{got, put} {
				if err == nil {
					t.Error("no error")
					continue
				}
				for _, secret := range []string{sourcetest.RootToken, acme.APIKey.Reveal(), acme.APISecret.Reveal()} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%v", err)
					}
				}
			}
		})
	}
}

package kite

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProxyTransport_ReachesItsGatewayOnly(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/redirect":
			http.Redirect(w, r, "https://"+canary+".evil.example/?"+canary, http.StatusFound)
		case "/v1/cached":
			w.WriteHeader(http.StatusNotModified)
		case "/v1/switch":
			answer(101, "", "Connection", "Upgrade", "Upgrade", "x")(w, r)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	})
	base, transport, err := c.ProxyTransport()
	if err != nil {
		t.Fatal(err)
	}
	send := func(url, host string) (int, error) {
		r := httptest.NewRequest("GET", url, nil)
		if host != "" {
			r.Host = host
		}
		r.Header.Set("Authorization", "JWT "+canary)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		return resp.StatusCode, nil
	}
	for url, want := range map[string]int{"/x": 418, "/x/y?z": 418, "/cached": 304} {
		if got, err := send(base.String()+url, ""); got != want {
			t.Errorf("%s gives %d, %v", url, got, err)
		}
	}
	for _, url := range []string{"/redirect", "/switch"} {
		_, err := send(base.String()+url, "")
		wantKind(t, err, ErrUnexpectedReply)
		if strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
	}
	for url, host := range map[string]string{
		"http://evil.example/v1/x": "", "https://" + base.Host + "/v1/x": "", "http://" + base.Host + "/admin": "",
		"http://" + base.Host + "/v1": "", "http://" + base.Host + "/v1x/y": "", base.String() + "/x": "evil.example",
	} {
		_, err := send(url, host)
		wantKind(t, err, ErrInvalid)
	}
	_, err = send("http://127.0.0.1:1/v1/x", base.Host)
	wantKind(t, err, ErrInvalid)
	if _, _, err := (&Client{BaseURL: "http://evil.example/v1"}).ProxyTransport(); err == nil {
		t.Error("an upstream elsewhere")
	}
	dead := &Client{BaseURL: "http://127.0.0.1:1/v1"}
	base, transport, _ = dead.ProxyTransport()
	_, err = send(base.String()+"/x", "")
	wantKind(t, err, ErrUnreachable)
	var e *Error
	if !errors.As(err, &e) || e.Op != "GET /x" {
		t.Errorf("%+v", e)
	}
}

// blocked is a body that ends with its request's context.
type blocked struct{ ctx context.Context }

func (b blocked) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b blocked) Close() error             { return nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A gateway that stops within its reply to a write is waited for as long as one that
// does not begin it.
func TestProxyTransport_HoldsAWritesReplyForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, kind := range map[int]error{202: ErrOutcomeUnknown, 500: ErrOutcomeUnknown, 401: ErrUnreachable} {
			c := &Client{BaseURL: "http://127.0.0.1:1/v1", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: blocked{r.Context()}, Request: r}, nil
			})}
			base, transport, err := c.ProxyTransport()
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = transport.RoundTrip(httptest.NewRequest("POST", base.String()+"/x", nil))
			wantKind(t, err, kind)
			if took := time.Since(began); took != holdTimeout || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d: after %v: %v", status, took, err)
			}
		}
	})
}

package kite

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestProxyTransport_ReachesItsGatewayOnly(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/redirect":
			http.Redirect(w, r, "https://evil.example/?"+canary, http.StatusFound)
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

package kite

import (
	"net/http"
	"sync/atomic"
	"testing"
)

func TestIsWrite_LooksBeyondTheMethod(t *testing.T) {
	for _, tt := range []struct {
		method, query, header string
		want                  bool
	}{
		{"GET", "", "", false},
		{"HEAD", "limit=5&payment_method=card&method=x", "X-Payment-Method", false},
		{"POST", "", "", true},
		{"GET", "a=1&_method=DELETE", "", true},
		{"GET", "a=1;%5fMethod=DELETE", "", true},
		{"GET", "_method[]=DELETE", "", true},
		{"GET", "+_method=DELETE", "", true},
		{"GET", "x-http-method-override=PUT", "", true},
		{"GET", "", "X-Http-Method-Override", true},
		{"GET", "", "x_http_method", true},
		{"GET", "", "X.HTTP.Method.Override", true},
		{"GET", "", "X-Method", true},
		{"GET", "", "X-HTTP-Verb", true},
		{"GET", "_verb=DELETE", "", true},
		{"GET", "httpMethod=DELETE", "", true},
		{"GET", "verb=say", "X-Adverb", false},
		{"GET", "", "X-Original-Method", true},
		{"GET", "", "Request_Method", true},
		{"GET", "", "Access-Control-Request-Method", false},
		{"GET", "", "X-Original-Url", true},
		{"GET", "", "X-Rewrite-Path", true},
		{"GET", "", "X-Request-Id", false},
		{"GET", "", "X-Curiosity", false},
	} {
		h := http.Header{}
		if tt.header != "" {
			h[tt.header] = []string{"x"}
		}
		if got := IsWrite(tt.method, tt.query, h); got != tt.want {
			t.Errorf("%s ?%s %s: %v, want %v", tt.method, tt.query, tt.header, got, tt.want)
		}
	}
}

// A read that some servers carry out as a write is sent once.
func TestDo_SendsAnOverriddenReadOnce(t *testing.T) {
	for name, r := range map[string]Request{
		"header": {Path: "/x", Header: http.Header{"X-Http-Method-Override": {"POST"}}},
		"query":  {Path: "/x?_method=POST"},
	} {
		var requests atomic.Int32
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		})
		_, err := c.Do(t.Context(), fakeToken(), r)
		wantKind(t, err, ErrOutcomeUnknown)
		if n := requests.Load(); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

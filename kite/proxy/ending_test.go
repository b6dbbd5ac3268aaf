package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
)

// raw sends a request by hand and returns the response.
func (s *setup) raw(request string) (*http.Response, string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, request)
	from := bufio.NewReader(conn)
	resp, err := http.ReadResponse(from, nil)
	if err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(from, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp, string(body)
}

func TestProxy_BodyThatIsCutIsTheClientsFault(t *testing.T) {
	s := start(t, nil, nil)
	resp, body := s.raw(fmt.Sprintf("POST /%s/pay HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n2;x\n{}\r\n", s.secret, s.listener.Addr()))
	if resp.StatusCode != 400 || !strings.Contains(body, "the client did not send its whole body") || !strings.Contains(body, codeRefused) {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestProxy_ClientThatLeavesWithinItsBodyDidNotSendIt(t *testing.T) {
	s := start(t, nil, nil)
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /%s/pay HTTP/1.1\r\nHost: %s\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n\r\n", s.secret, s.listener.Addr())
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	fmt.Fprintf(conn, "%100000d", 1)
	_ = conn.Close()
	logged := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.records)
	}
	for end := time.Now().Add(10 * time.Second); logged() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if logged() != 1 || errors.Is(s.records[0].Err, kite.ErrOutcomeUnknown) || !strings.Contains(fmt.Sprint(s.records[0].Err), "did not send its whole body") {
		t.Errorf("%+v", s.records)
	}
}

func TestProxy_PassesNoTrailersAndNoExpectOn(t *testing.T) {
	s := start(t, nil, nil)
	_, body := s.raw(fmt.Sprintf("POST /%s/pay HTTP/1.1\r\nHost: %s\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\nTrailer: X-HTTP-Method-Override\r\n\r\n"+
		"2\r\n{}\r\n0\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", s.secret, s.listener.Addr()))
	if len(s.seen) != 1 || len(s.seen[0].Trailer) > 0 || s.seen[0].Header.Get("Expect") != "" || s.bodies[0] != "{}" {
		t.Errorf("%s; the gateway got %+v %q", body, s.seen, s.bodies)
	}
}

func TestClose_TellsClientsWhatBecameOfTheirRequests(t *testing.T) {
	release := make(chan struct{})
	s := start(t, func(http.ResponseWriter, *http.Request) { <-release }, nil)
	defer close(release)
	replies := make(chan string, 2)
	for method, code := range map[string]string{"POST": codeUnknown, "GET": codeFailed} {
		go func() {
			_, body := s.do(method, "/pay", "{}", nil)
			if !strings.Contains(body, code) {
				replies <- method + ": " + body
				return
			}
			replies <- ""
		}()
	}
	for s.reached() < 2 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close(ctx)
	for range 2 {
		if wrong := <-replies; wrong != "" {
			t.Error(wrong)
		}
	}
}

func TestRecord_HasPathWithoutIDs(t *testing.T) {
	s := start(t, nil, nil)
	s.do("GET", "/transactions/send-callback/canary-4711?token=canary", "", nil)
	s.Close(t.Context()) // waits for the log
	if got := s.records[0].Path; got != kite.PathTemplate("/transactions/send-callback/4711") {
		t.Errorf("%q", got)
	}
}

// Their headers could show the token, or act on a browser.
func TestProxy_PassesNoEarlyHeadersAndNoTrailersBack(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Debug", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("X-Debug")
		w.Header().Set("Trailer", "X-Debug")
		_, _ = io.WriteString(w, "{}")
		w.Header().Set("X-Debug", r.Header.Get("Authorization"))
	}, nil)
	resp, body := s.do("GET", "/x", "", func(r *http.Request) {
		*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				t.Errorf("%d %v", code, h)
				return nil
			},
		}))
	})
	if resp.StatusCode != 200 || body != "{}" || len(resp.Trailer) > 0 || resp.Header.Get("X-Debug") != "" {
		t.Errorf("%s %s %v %v", resp.Status, body, resp.Header, resp.Trailer)
	}
}

// The system tells no owner of a connection that its client has closed.
func TestForeign_ClientThatHasGoneIsNotAnotherUser(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if why := (&Proxy{knowsOwners: true}).foreign(r); why != "the client has gone before its user was known" {
		t.Errorf("refused: %q", why)
	}
}

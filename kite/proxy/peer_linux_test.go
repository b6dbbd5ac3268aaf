package proxy

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestOwnerOf_BothWaysAgree(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Skip("no IPv6 here")
		}
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		src, dst := addrPort(accepted.RemoteAddr()), addrPort(accepted.LocalAddr())
		byDiag, diagErr := diagOwner(src, dst)
		byProc, procErr := procOwner(src, dst)
		if diagErr != nil || procErr != nil || byDiag != uint32(os.Getuid()) || byProc != byDiag {
			t.Errorf("%s: %d %v by sock_diag, %d %v by /proc, want %d", addr, byDiag, diagErr, byProc, procErr, os.Getuid())
		}
		if got := ownerOf(accepted); got != peerOwn {
			t.Errorf("%s: ownerOf = %v", addr, got)
		}
		for _, c := range []interface{ Close() error }{conn, accepted, l} {
			_ = c.Close()
		}
	}
	if _, err := diagOwner(addrPort(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}), addrPort(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2})); err == nil {
		t.Error("a connection that does not exist has an owner")
	}
}

// Another user may know the URL, for instance from ps.
func TestProxy_RefusesAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	s := start(t, nil, nil)
	if !s.KnowsOwners() {
		t.Fatal("this system does not say who connects")
	}
	addr := s.listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	script := fmt.Sprintf(`exec 3<>/dev/tcp/127.0.0.1/%s; printf 'GET /%s/data/wallets/balances HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' >&3; cat <&3`, port, s.secret, addr)
	ask := func(uid uint32) string {
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		line, _, _ := strings.Cut(string(out), "\r\n")
		return line
	}
	if got := ask(65534); got != "HTTP/1.1 403 Forbidden" || s.reached() != 0 {
		t.Errorf("another user gets %q; %d requests reached the gateway", got, s.reached())
	}
	if got := ask(0); got != "HTTP/1.1 200 OK" {
		t.Errorf("the own user gets %q", got)
	}
	for _, r := range s.records {
		if r.Status == http.StatusForbidden && (r.Err == nil || !strings.Contains(r.Err.Error(), "another user")) {
			t.Errorf("the log says %v", r.Err)
		}
	}
}

// The kernel reports a socket that its owner has closed as root's. It must not pass
// for root's.
func TestOwnerOf_ClosedSocketIsUnknown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	_ = conn.Close()
	if got := ownerOf(accepted); got != peerUnknown {
		t.Errorf("ownerOf = %v, want %v", got, peerUnknown)
	}
}

// Other connections that wait when the proxy starts do not decide whether the
// system tells owners.
func TestTellsOwners_AsksAboutItsOwnConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 { // closed at once, so that their owner is unknown
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	if !tellsOwners(l) {
		t.Error("connections that were closed switch the check off")
	}
}

//go:build linux || windows

package proxy

import (
	"context"
	"net"
	"testing"

	"kitekey/kite"
)

// Linux and Windows tell who opens a connection.
func TestProxy_KnowsOwners(t *testing.T) {
	p, err := New(Options{Client: &kite.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	if !p.KnowsOwners() {
		t.Error("the system does not say who connects")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if got := ownerInTime(accepted); got != peerOwn {
		t.Errorf("ownerInTime of a connection of this process = %v, want %v", got, peerOwn)
	}
}

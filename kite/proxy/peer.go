package proxy

import (
	"context"
	"net"
	"time"
)

// peer tells which user opened a connection, as far as the system knows.
type peer int

const (
	peerUnknown peer = iota // the system does not say
	peerOwn                 // the user that runs the proxy
	peerOther               // another user
)

type peerKey struct{}

// connection is an accepted connection and its owner. Its requests come one after
// another.
type connection struct {
	net.Conn
	owner peer
}

// withPeer puts a new connection's owner into the context of its requests.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, &connection{conn, ownerOf(conn)})
}

// peerOf returns the owner of the connection that a request came over. The system
// may list a connection a moment after it was accepted, so an unknown owner is
// looked up again.
func peerOf(ctx context.Context, knowsOwners bool) peer {
	c, ok := ctx.Value(peerKey{}).(*connection)
	if !ok {
		return peerUnknown
	}
	if knowsOwners && c.owner == peerUnknown {
		c.owner = ownerInTime(c.Conn)
	}
	return c.owner
}

// ownerInTime looks for the owner of a connection that the system may not list yet.
func ownerInTime(conn net.Conn) peer {
	owner := ownerOf(conn)
	for wait := time.Millisecond; owner == peerUnknown && wait < 50*time.Millisecond; wait *= 2 {
		time.Sleep(wait)
		owner = ownerOf(conn)
	}
	return owner
}

// tellsOwners opens a connection to l to see whether this system tells who owns it.
// It must be called before l is served.
func tellsOwners(l net.Listener) bool {
	conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		return false
	}
	defer conn.Close()
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		_ = d.SetDeadline(time.Now().Add(5 * time.Second))
		defer func() { _ = d.SetDeadline(time.Time{}) }()
	}
	for {
		accepted, err := l.Accept()
		if err != nil {
			return false
		}
		// The connection of another process may have come first.
		if accepted.RemoteAddr().String() != conn.LocalAddr().String() {
			_ = accepted.Close()
			continue
		}
		defer accepted.Close()
		return ownerInTime(accepted) != peerUnknown
	}
}

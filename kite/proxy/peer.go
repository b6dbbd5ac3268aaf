package proxy

import (
	"context"
	"net"
)

// peer is what the system says of who opened a connection.
type peer int

const (
	peerUnknown peer = iota // the system does not say
	peerOwn                 // the user that runs the proxy
	peerOther               // another user
)

type peerKey struct{}

// withPeer puts the owner of a new connection into its requests' context.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, ownerOf(conn))
}

func peerOf(ctx context.Context) peer {
	p, _ := ctx.Value(peerKey{}).(peer)
	return p
}

// tellsOwners finds out whether this system says who opens a connection to l, by
// opening one. It is called before l is served.
func tellsOwners(l net.Listener) bool {
	conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		return false
	}
	defer conn.Close()
	accepted, err := l.Accept()
	if err != nil {
		return false
	}
	defer accepted.Close()
	return ownerOf(accepted) != peerUnknown
}

package secretservice

import (
	"net"

	"golang.org/x/sys/unix"
)

// checkPeer returns an [OwnerError] unless this user or root listens at the other end
// of a connection: see SO_PEERCRED in unix(7).
func checkPeer(conn net.Conn) error {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return checkOwner(peer.Uid)
}

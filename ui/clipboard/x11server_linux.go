package clipboard

import (
	"net"
	"syscall"
)

// checkServer checks whose server a connection leads to: see SO_PEERCRED in unix(7).
func checkServer(conn *net.UnixConn, euid int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return ownServer(int(peer.Uid), euid)
}

package clipboard

import (
	"fmt"
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

// ownServer returns an error if a server of the user uid is neither root's nor that of the
// user euid. Root may use the server of any user, as with sudo.
func ownServer(uid, euid int) error {
	if uid != 0 && euid != 0 && uid != euid {
		return fmt.Errorf("it belongs to another user (uid %d)", uid)
	}
	return nil
}

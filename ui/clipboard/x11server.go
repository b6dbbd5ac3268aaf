//go:build !windows && !darwin

package clipboard

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// checkDisplay fails if the X server of a display is on another machine, to which X sends
// everything in the clear, or is another user's: anyone can listen at the address of a
// display that has ended, which a shell in tmux still has in its environment. A server
// that cannot be reached is no error here.
func checkDisplay(display string) error {
	network, address := displayAddress(display)
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return nil //nolint:nilerr // the connection that follows gives a better error
	}
	defer conn.Close()
	switch c := conn.(type) {
	case *net.UnixConn:
		return checkServer(c, os.Geteuid())
	case *net.TCPConn:
		return onThisMachine(c.LocalAddr().(*net.TCPAddr).IP, c.RemoteAddr().(*net.TCPAddr).IP)
	}
	return nil
}

// onThisMachine returns an error for a server elsewhere. ssh listens for X on loopback, or
// on this machine's own address, which both ends of a connection have then.
func onThisMachine(here, there net.IP) error {
	if !there.IsLoopback() && !there.Equal(here) {
		return errors.New("it is on another machine, and X does not encrypt")
	}
	return nil
}

// displayAddress returns where xgb connects to for a display: [PROTOCOL/][HOST]:NUMBER,
// or the path of a socket.
func displayAddress(display string) (network, address string) {
	host, number, _ := cutLast(display, ":")
	number, _, _ = strings.Cut(number, ".")
	if strings.HasPrefix(display, "/") {
		return "unix", host + ":" + number
	}
	protocol, name, ok := cutLast(host, "/")
	if !ok {
		protocol, name = "tcp", host
	}
	if name == "" || name == "unix" {
		return "unix", "/tmp/.X11-unix/X" + number
	}
	n, _ := strconv.Atoi(number)
	return protocol, name + ":" + strconv.Itoa(6000+n)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

package proxy

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ownerOf compares the user at the other end of a loopback or Unix connection with
// the user of this process. The kernel tells any user who owns a socket. ownerOf
// returns peerUnknown if the socket cannot be found.
func ownerOf(conn net.Conn) peer {
	var uid uint32
	var err error
	switch c := conn.(type) {
	case *net.UnixConn:
		uid, err = unixOwner(c)
	case *net.TCPConn:
		// The other end's socket has our remote address as its local one.
		src, dst := addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
		if uid, err = diagOwner(src, dst); err != nil {
			uid, err = procOwner(src, dst)
		}
	default:
		return peerUnknown
	}
	switch {
	case err != nil:
		return peerUnknown
	case uid == uint32(os.Getuid()):
		return peerOwn
	}
	return peerOther
}

// addrPort returns a TCP address with IPv4-mapped IPv6 addresses as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// unixOwner returns the user ID of the process that connected c (unix(7), SO_PEERCRED).
func unixOwner(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if ctrl := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); ctrl != nil {
		return 0, ctrl
	}
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

var errNoSocket = errors.New("no such socket")

// Sizes and offsets of struct inet_diag_req_v2 and struct inet_diag_msg
// (linux/inet_diag.h).
const (
	diagByFamily   = 20 // SOCK_DIAG_BY_FAMILY
	diagReqLen     = 56
	diagIDOffset   = 8  // of struct inet_diag_sockid in the request
	diagUIDOffset  = 64 // of idiag_uid in the reply
	diagInoOffset  = 68 // of idiag_inode in the reply
	diagMsgLen     = 72
	anyState       = 0xffffffff
	noCookie       = 0xffffffff
	netlinkHeader  = 16
	replyBufferLen = 4096
)

// diagOwner returns the user ID that owns the TCP socket with the local address src
// and the remote address dst. It asks the kernel through netlink (sock_diag(7)) and
// waits for at most a second.
func diagOwner(src, dst netip.AddrPort) (uid uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	req := make([]byte, netlinkHeader+diagReqLen)
	binary.NativeEndian.PutUint32(req, uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], diagByFamily)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST)
	body := req[netlinkHeader:]
	body[0], body[1] = unix.AF_INET6, unix.IPPROTO_TCP
	if src.Addr().Is4() {
		body[0] = unix.AF_INET
	}
	binary.NativeEndian.PutUint32(body[4:], anyState)
	id := body[diagIDOffset:]
	binary.BigEndian.PutUint16(id, src.Port())
	binary.BigEndian.PutUint16(id[2:], dst.Port())
	copy(id[4:20], src.Addr().AsSlice())
	copy(id[20:36], dst.Addr().AsSlice())
	binary.NativeEndian.PutUint32(id[40:], noCookie)
	binary.NativeEndian.PutUint32(id[44:], noCookie)
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	timeout := unix.NsecToTimeval(int64(1e9))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return 0, err
	}
	reply := make([]byte, replyBufferLen)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return 0, err
	}
	if n < netlinkHeader+diagMsgLen || binary.NativeEndian.Uint16(reply[4:]) != diagByFamily {
		return 0, errNoSocket
	}
	if binary.NativeEndian.Uint32(reply[netlinkHeader+diagInoOffset:]) == 0 {
		return 0, errNoSocket // the owner has closed it, and the kernel reports uid 0
	}
	return binary.NativeEndian.Uint32(reply[netlinkHeader+diagUIDOffset:]), nil
}

// procOwner does what diagOwner does for kernels without sock_diag: it searches
// /proc/net/tcp and /proc/net/tcp6 (proc_net(5)).
func procOwner(src, dst netip.AddrPort) (uid uint32, err error) {
	wanted := map[string]bool{procAddr(src, false) + " " + procAddr(dst, false): true, procAddr(src, true) + " " + procAddr(dst, true): true}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) > 9 && fields[9] != "0" && wanted[fields[1]+" "+fields[2]] {
				_ = f.Close()
				n, err := strconv.ParseUint(fields[7], 10, 32)
				return uint32(n), err
			}
		}
		_ = f.Close()
	}
	return 0, errNoSocket
}

// procAddr formats an address as /proc/net/tcp does: in hexadecimal, as 32-bit words
// in the machine's byte order, then the port. If mapped, an IPv4 address is written
// as IPv4-mapped IPv6, as /proc/net/tcp6 lists it.
func procAddr(a netip.AddrPort, mapped bool) string {
	b := a.Addr().AsSlice()
	if mapped && a.Addr().Is4() {
		sixteen := a.Addr().As16()
		b = sixteen[:]
	}
	words := make([]byte, 0, len(b))
	for i := 0; i < len(b); i += 4 {
		words = binary.BigEndian.AppendUint32(words, binary.NativeEndian.Uint32(b[i:]))
	}
	return strings.ToUpper(hex.EncodeToString(words)) + ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(a.Port() >> 8), byte(a.Port())}))
}

package proxy

import (
	"encoding/binary"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

var getExtendedTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

const tcpTableOwnerPIDConnections = 4 // TCP_TABLE_OWNER_PID_CONNECTIONS

// ownerOf finds the process at the other end of a loopback connection in the TCP
// table, and compares its user with ours.
func ownerOf(conn net.Conn) peer {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return peerUnknown
	}
	src, dst := addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
	if !src.Addr().Is4() {
		return peerUnknown
	}
	pid, ok := connectionPID(src, dst)
	if !ok {
		return peerUnknown
	}
	theirs, err := processUser(pid)
	if err != nil {
		return peerOther // access is denied: the process is another user's
	}
	ours, err := processUser(windows.GetCurrentProcessId())
	if err != nil {
		return peerUnknown
	}
	if theirs.Equals(ours) {
		return peerOwn
	}
	return peerOther
}

func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// connectionPID reads MIB_TCPTABLE_OWNER_PID: a count, then rows of six 32-bit
// numbers: state, local address and port, remote address and port, process. A row
// whose process is 0 names none: the connection has ended, or Wine has not found
// its process yet.
func connectionPID(src, dst netip.AddrPort) (uint32, bool) {
	size := uint32(64 << 10)
	for range 5 {
		buf := make([]byte, size)
		r, _, _ := getExtendedTCPTable.Call(uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0,
			windows.AF_INET, tcpTableOwnerPIDConnections, 0)
		if windows.Errno(r) == windows.ERROR_INSUFFICIENT_BUFFER {
			continue
		}
		if r != 0 {
			return 0, false
		}
		count := int(binary.LittleEndian.Uint32(buf))
		for row := buf[4:]; count > 0 && len(row) >= 24; count, row = count-1, row[24:] {
			local, remote := [4]byte(row[4:8]), [4]byte(row[12:16])
			if local == src.Addr().As4() && remote == dst.Addr().As4() &&
				binary.BigEndian.Uint16(row[8:]) == src.Port() && binary.BigEndian.Uint16(row[16:]) == dst.Port() {
				pid := binary.LittleEndian.Uint32(row[20:])
				return pid, pid != 0
			}
		}
		return 0, false
	}
	return 0, false
}

func processUser(pid uint32) (*windows.SID, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return nil, err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return nil, err
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return nil, err
	}
	return user.User.Sid.Copy()
}

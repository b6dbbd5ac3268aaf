//go:build !linux && !windows

package proxy

import "net"

// ownerOf is not known here without cgo: the documentation says so.
func ownerOf(net.Conn) peer { return peerUnknown }

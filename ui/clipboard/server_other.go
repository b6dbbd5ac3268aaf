//go:build !linux

package clipboard

import "net"

// checkServer does nothing where the kernel is not asked whose a server is.
func checkServer(*net.UnixConn, int) error { return nil }

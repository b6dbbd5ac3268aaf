// Package loopback listens and serves on loopback addresses only. The proxy and the
// simulator share it.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Listen listens on addr, "HOST:PORT" with a loopback address or localhost; port 0
// takes a free one. An error that wraps an [os.SyscallError] comes from the system,
// such as a port in use. Every other error means that addr is wrong.
func Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address: write HOST:PORT, as in 127.0.0.1:0", addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" || !ip.Unmap().IsLoopback() {
		return nil, fmt.Errorf("%q is not a loopback address: kitekey listens on this machine only, as in 127.0.0.1:0", host)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ip.Unmap().String(), port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, errors.Unwrap(err))
	}
	return l, nil
}

// Server is an [http.Server] that serves one listener until it is closed.
type Server struct {
	http.Server
	served chan struct{}
}

// Serve starts serving l.
func (s *Server) Serve(l net.Listener) {
	s.ReadHeaderTimeout = 10 * time.Second
	s.IdleTimeout = 2 * time.Minute
	s.MaxHeaderBytes = 64 << 10
	s.ErrorLog = log.New(io.Discard, "", 0) // it could quote a secret, and there may be a screen on stderr
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.Server.Serve(l) // Serve returns ErrServerClosed: only Close ends it
	}()
}

// Close stops listening, lets requests under way finish until ctx ends, and then
// ends them.
func (s *Server) Close(ctx context.Context) {
	if s.served == nil {
		return
	}
	if ctx.Err() != nil || s.Shutdown(ctx) != nil {
		_ = s.Server.Close()
	}
	<-s.served
}

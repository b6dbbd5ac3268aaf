// Package session tells when the desktop session is locked and when the machine is
// about to sleep, so that a program can clear secrets before that.
//
// On Linux it asks systemd-logind over the system bus. Without logind, and on other
// systems, it tells nothing.
package session

import (
	"context"
	"errors"
	"sync"
)

// ErrUnavailable: this system does not tell when the session locks.
var ErrUnavailable = errors.New("this system does not tell when the session locks")

// Request asks for secrets to be cleared.
type Request struct {
	// Sleep reports that the machine waits for Done before it goes to sleep, for a few
	// seconds at most.
	Sleep bool
	// Done says that the secrets are cleared. It must be called at least once.
	Done func()
}

// Watch watches until ctx ends and then closes the channel. The error matches
// ErrUnavailable and says why.
func Watch(ctx context.Context) (<-chan Request, error) { return watch(ctx) }

// Requests is Watch without waiting for the connection. If Watch fails, the channel
// is closed.
func Requests(ctx context.Context) <-chan Request {
	requests := make(chan Request)
	go func() {
		defer close(requests)
		watched, err := Watch(ctx)
		if err != nil {
			return
		}
		for r := range watched {
			select {
			case requests <- r:
			case <-ctx.Done():
				r.Done()
			}
		}
	}()
	return requests
}

// newRequest returns a Request that calls done once.
func newRequest(sleep bool, done func()) Request {
	return Request{Sleep: sleep, Done: sync.OnceFunc(done)}
}

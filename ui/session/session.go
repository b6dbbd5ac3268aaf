// Package session tells when the desktop session is locked and when the machine is
// about to sleep, so that a program can clear secrets before.
//
// On Linux it asks systemd-logind over the system bus. Where there is none, and on
// other systems, nothing is told.
package session

import (
	"context"
	"errors"
	"sync"
)

// ErrUnavailable: nothing here tells when the session locks.
var ErrUnavailable = errors.New("nothing here tells when the session locks")

// Request asks for secrets to be cleared.
type Request struct {
	// Sleep reports that the machine waits for Done before it goes to sleep, for a few
	// seconds at most.
	Sleep bool
	// Done says that they are. It must be called once or more.
	Done func()
}

// Watch watches until ctx ends; then it closes the channel. It fails with
// ErrUnavailable, and says why.
func Watch(ctx context.Context) (<-chan Request, error) { return watch(ctx) }

// Requests is Watch without waiting for the connection, or for what it fails with:
// the channel is closed then.
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

// newRequest makes a Request of which done is called once.
func newRequest(sleep bool, done func()) Request {
	return Request{Sleep: sleep, Done: sync.OnceFunc(done)}
}

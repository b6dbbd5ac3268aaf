package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"
)

// endable is a stream whose writes end when the run ends. Otherwise a full pipe
// whose reader has stopped reading would hold kitekey after ctrl-c.
type endable struct {
	ctx context.Context
	to  *os.File
}

// lastWords is how long a write may still take after the run has ended, so that
// what can be written at once is written.
const lastWords = 200 * time.Millisecond

// endableOutput returns w as an endable, unless it is a terminal or a test's.
func endableOutput(ctx context.Context, w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && !isTerminal(f) {
		return endable{ctx, f}
	}
	return w
}

// Write implements [io.Writer]. A write that is abandoned stays in the kernel until
// the process exits.
func (e endable) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	own := bytes.Clone(p) // the caller may change p before the write has ended
	done := make(chan result, 1)
	go func() {
		n, err := e.to.Write(own)
		clear(own)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-e.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(lastWords):
		return 0, e.ctx.Err()
	}
}

package cli

import (
	"bytes"
	"context"
	"io"
	"io/fs"
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

// endableOutput returns w as an endable, if it has a reader and is not a terminal.
func endableOutput(ctx context.Context, w io.Writer) io.Writer {
	f, ok := w.(*os.File)
	if !ok || isTerminal(f) {
		return w
	}
	if info, err := f.Stat(); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return w
	}
	return endable{ctx, f}
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

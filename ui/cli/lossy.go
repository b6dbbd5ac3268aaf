package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// lossyLines is how many lines may wait before further ones are dropped.
const lossyLines = 1024

// lossyWriter passes lines on to a writer that may block, without waiting for it.
// It drops and counts the lines for which it has no room. So a full pipe on stderr
// does not stop a server.
type lossyWriter struct {
	out     io.Writer
	lines   chan []byte
	dropped atomic.Int64
	closing chan struct{}
	done    chan struct{}
}

func newLossyWriter(out io.Writer) *lossyWriter {
	w := &lossyWriter{out: out, lines: make(chan []byte, lossyLines), closing: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes a line or drops it. It never fails.
func (w *lossyWriter) Write(line []byte) (int, error) {
	select {
	case w.lines <- bytes.Clone(line):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

func (w *lossyWriter) run() {
	defer close(w.done)
	for {
		select {
		case line := <-w.lines:
			w.write(line)
		case <-w.closing:
			for {
				select {
				case line := <-w.lines:
					w.write(line)
				default:
					w.write(nil)
					return
				}
			}
		}
	}
}

// write writes the number of lines dropped before, a line, and the lines that wait
// after it.
func (w *lossyWriter) write(line []byte) {
	if n := w.dropped.Swap(0); n > 0 {
		line = append(fmt.Appendf(nil, "kitekey: %d log lines were dropped: stderr was not read\n", n), line...)
	}
	for len(line) < 32<<10 {
		select {
		case more := <-w.lines:
			line = append(line, more...)
			continue
		default:
		}
		break
	}
	if len(line) > 0 {
		_, _ = w.out.Write(line)
	}
}

// Close gives the waiting lines a moment to be written.
func (w *lossyWriter) Close() {
	close(w.closing)
	select {
	case <-w.done:
	case <-time.After(200 * time.Millisecond):
	}
}

// Fd lets a terminal be recognised.
func (w *lossyWriter) Fd() uintptr {
	if f, ok := w.out.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// neverBlock makes stderr a lossyWriter for a command that serves until it is
// stopped. restore undoes that.
func (a *app) neverBlock() (restore func()) {
	stderr := a.Stderr
	w := newLossyWriter(stderr)
	a.Stderr = w
	return func() {
		w.Close()
		a.Stderr = stderr
	}
}

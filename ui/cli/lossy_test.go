package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// stuckWriter blocks until it is released, and records what is written.
type stuckWriter struct {
	free chan struct{}
	bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	return w.Buffer.Write(p)
}

func TestLossyWriter_DropsInsteadOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		w := newLossyWriter(out)
		for i := range 5000 {
			fmt.Fprintf(w, "line %d\n", i)
		}
		close(out.free)
		synctest.Wait()
		_, _ = io.WriteString(w, "after\n")
		w.Close()
		text := out.String()
		dropped := 0
		for line := range strings.Lines(text) {
			var n int
			_, _ = fmt.Sscanf(line, "kitekey: %d log lines were dropped", &n)
			dropped += n
		}
		kept := strings.Count(text, "line ")
		if !strings.Contains(text, "line 0\n") || !strings.HasSuffix(text, "after\n") || dropped == 0 || kept+dropped != 5000 {
			t.Errorf("%d lines kept, %d said to be dropped, of 5000", kept, dropped)
		}
	})
}

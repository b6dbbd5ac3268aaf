//go:build unix

package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestRead_DoesNotWaitForPipesAndDevices(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := Read(path, 1<<20); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := ReadStream(ctx, pipe, 1<<20); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a pipe that no one writes: %v", err)
	}
	if _, err := ReadStream(t.Context(), "/dev/zero", 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an endless device: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		_, _ = w.WriteString("typed")
		_ = w.Close()
	}()
	if data, err := ReadStream(t.Context(), fmt.Sprintf("/dev/fd/%d", r.Fd()), 1<<20); err != nil || string(data) != "typed" {
		t.Errorf("%q %v", data, err)
	}
}

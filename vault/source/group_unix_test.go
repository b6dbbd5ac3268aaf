//go:build !windows

package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/vault/source"
)

func TestCommand_EndsWithItsChildren(t *testing.T) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0); err == nil {
		_ = tty.Close()
		t.Skip("at a terminal they go on")
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	s := openCommand(t, source.Config{Get: []string{"sh", "-c", `sleep 60 & echo $! > ` + file + `; wait; echo {account}`}})
	ctx, cancel := context.WithCancel(t.Context())
	child := 0
	go func() {
		defer cancel()
		for child == 0 && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
			text, _ := os.ReadFile(file)
			child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
	}()
	_, err := s.Get(ctx, acme)
	if !errors.Is(err, context.Canceled) || child == 0 {
		t.Fatalf("child %d: %v", child, err)
	}
	for range 100 {
		state, _ := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		if syscall.Kill(child, 0) != nil || strings.Contains(string(state), ") Z ") { // its new parent may not have waited for it
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = syscall.Kill(child, syscall.SIGKILL)
	t.Error("the child goes on")
}

package tui

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Tests must not use the developer's own keyring, clipboard or time zone.
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	_ = os.Unsetenv("DISPLAY")
	_ = os.Unsetenv("WAYLAND_DISPLAY")
	time.Local = time.UTC
	goleak.VerifyTestMain(m)
}

package tui

import (
	"os"
	"runtime/debug"
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
	debug.SetGCPercent(400) // each frame is garbage at once, and collecting it a fifth of the time
	goleak.VerifyTestMain(m)
}

package vault_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"kitekey/vault/storetest"
)

// TestMain keeps the developer's own keyring out of reach: without an address the
// bus would be searched for and found.
func TestMain(m *testing.M) {
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	// A process with the race detector otherwise sleeps for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	_ = os.Unsetenv("DISPLAY")
	_ = os.Unsetenv("WAYLAND_DISPLAY")
	storetest.Short()
	goleak.VerifyTestMain(m)
}

//go:build unix

package keyringtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
)

// KWallet is a real kwalletd5, the Secret Service of KDE.
type KWallet struct {
	*Bus
	*Desktop
	program *process
}

const kwalletConfig = `[Wallet]
Enabled=true
First Use=false
Default Wallet=kdewallet
Prompt on Open=false
Leave Open=true
[org.freedesktop.secrets]
apiEnabled=true
`

// StartKWallet starts kwalletd5 without any wallet.
func StartKWallet(t testing.TB) *KWallet {
	t.Helper()
	Need(t, "kwalletd5", "dbus-daemon")
	k := &KWallet{Bus: StartBus(t), Desktop: StartDesktop(t)}
	write(t, filepath.Join(k.dir, "config", "kwalletrc"), kwalletConfig)
	k.Restart()
	return k
}

// Restart starts the daemon after Kill.
func (k *KWallet) Restart() {
	cmd := exec.Command("kwalletd5")
	cmd.Env = append(os.Environ(), k.Env()...)
	k.program = runCommand(k.Bus.t, cmd)
	k.wait("KWallet to come", k.HasOwner)
}

// Kill kills KWallet as a crash would.
func (k *KWallet) Kill() {
	k.program.kill()
	k.wait("KWallet to leave the bus", func(ctx context.Context) bool { return !k.HasOwner(ctx) })
}

// Env returns the environment for a program that uses this bus and desktop.
func (k *KWallet) Env() []string { return append(k.Bus.Env(), k.Desktop.Env()...) }

// walletKey is the key that a login would derive from the user's password.
var walletKey = bytes.Repeat([]byte("k"), 56)

// CreateWallet creates the default wallet and opens it. KWallet shows a wallet to
// other programs only if it existed when KWallet was started.
func (k *KWallet) CreateWallet() {
	k.Bus.t.Helper()
	k.pamOpen()
	k.Kill()
	k.Restart()
	k.OpenWallet()
}

// OpenWallet opens the default wallet as a login does, without asking.
func (k *KWallet) OpenWallet() {
	k.Bus.t.Helper()
	k.pamOpen()
	k.wait("the wallet to be a collection", func(ctx context.Context) bool {
		paths, err := k.collectionPaths(ctx)
		return err == nil && len(paths) > 0
	})
}

func (k *KWallet) pamOpen() {
	k.Bus.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := k.conn.Object("org.kde.kwalletd5", "/modules/kwalletd5").CallWithContext(ctx, "org.kde.KWallet.pamOpen", 0,
		"kdewallet", walletKey, int32(0)).Err; err != nil {
		k.Bus.t.Fatalf("open the wallet: %v", err)
	}
}

// CloseWallet closes the default wallet. Opening it again takes its password.
func (k *KWallet) CloseWallet() {
	k.Bus.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := k.conn.Object("org.kde.kwalletd5", "/modules/kwalletd5").CallWithContext(ctx, "org.kde.KWallet.close", 0,
		"kdewallet", true).Err; err != nil {
		k.Bus.t.Fatalf("close the wallet: %v", err)
	}
	k.wait("the wallet to be closed", func(ctx context.Context) bool {
		paths, err := k.collectionPaths(ctx)
		return err == nil && !slices.ContainsFunc(paths, func(p dbus.ObjectPath) bool { return !k.isLocked(ctx, p) })
	})
}

//go:build unix

// Package keyringtest gives tests a Secret Service of their own: a private
// session bus and on it either a real gnome-keyring, unlocked and empty
// ([Start]), or a fake that misbehaves on command ([Bus.Fake]). The user's own
// bus and keyring are never reached.
//
//	k := keyringtest.Start(t)
//	cmd := exec.Command(kitekey, "list")
//	cmd.Env = append(os.Environ(), k.Env()...)
//
// It needs dbus, gnome-keyring and libsecret-tools. Without them the test is
// skipped, or fails if KITEKEY_TEST_DESKTOP is "required", as in CI.
package keyringtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Password unlocks the keyrings that Start makes.
const Password = "ci-pass"

// patience limits every wait for a daemon. It is long because machines are slow
// under load; a wait ends as soon as its condition holds.
const patience = 30 * time.Second

// Need skips the test if one of the tools is missing, or fails it in CI.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		const install = "apt-get install -y dbus gnome-keyring libsecret-tools keepassxc libkf5wallet-bin xvfb xdotool"
		if os.Getenv("KITEKEY_TEST_DESKTOP") == "required" {
			t.Fatalf("%s is missing: %s", tool, install)
		}
		t.Skipf("%s is missing: %s", tool, install)
	}
}

// Bus is a private session bus without services. It starts none on demand.
type Bus struct {
	t    testing.TB
	dir  string // HOME and XDG folders of everything on the bus
	conn *dbus.Conn

	daemon *process
}

// Kill kills the bus (SIGKILL), which disconnects everything on it.
func (b *Bus) Kill() { b.daemon.kill() }

// StartBus starts a bus that ends with the test.
func StartBus(t testing.TB) *Bus {
	t.Helper()
	Need(t, "dbus-daemon")
	dir, err := os.MkdirTemp("", "kk") // not t.TempDir: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &Bus{t: t, dir: dir}
	for _, sub := range []string{"run", "data", "config", "cache"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(busConfig, b.socket())), 0o600); err != nil {
		t.Fatal(err)
	}
	b.daemon = run(t, b.Env(), nil, "dbus-daemon", "--nofork", "--nopidfile", "--config-file="+config)
	b.wait("the bus to listen", func(context.Context) bool {
		conn, err := dbus.Connect(b.Address())
		if err != nil {
			return false
		}
		b.conn = conn
		return true
	})
	t.Cleanup(func() { _ = b.conn.Close() })
	return b
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

func (b *Bus) socket() string { return filepath.Join(b.dir, "bus") }

// Address returns the bus's address, for DBUS_SESSION_BUS_ADDRESS.
func (b *Bus) Address() string { return "unix:path=" + b.socket() }

// Env returns the environment for a program that uses this bus and no other.
func (b *Bus) Env() []string {
	return []string{
		"DBUS_SESSION_BUS_ADDRESS=" + b.Address(), "HOME=" + b.dir, "XDG_RUNTIME_DIR=" + filepath.Join(b.dir, "run"),
		"XDG_DATA_HOME=" + filepath.Join(b.dir, "data"), "XDG_CONFIG_HOME=" + filepath.Join(b.dir, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(b.dir, "cache"), "DISPLAY=", "WAYLAND_DISPLAY=",
	}
}

// Use makes the test's own process use the bus until the test ends.
func (b *Bus) Use() {
	b.t.Helper()
	b.t.Setenv("DBUS_SESSION_BUS_ADDRESS", b.Address())
	// godbus shares a connection in this process, which belongs to another bus.
	if conn, err := dbus.SessionBus(); err == nil {
		_ = conn.Close()
	}
	b.t.Cleanup(func() {
		if conn, err := dbus.SessionBus(); err == nil {
			_ = conn.Close()
		}
	})
}

// HasOwner reports whether a program provides the Secret Service on this bus.
func (b *Bus) HasOwner(ctx context.Context) bool {
	var has bool
	err := b.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, serviceName).Store(&has)
	return err == nil && has
}

func (b *Bus) wait(what string, done func(context.Context) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !done(ctx) {
		select {
		case <-ctx.Done():
			b.t.Fatalf("waited %v for %s in vain", patience, what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// isLocked reports whether a collection is locked, or not there.
func (b *Bus) isLocked(ctx context.Context, collection dbus.ObjectPath) bool {
	var locked dbus.Variant
	err := b.conn.Object(serviceName, collection).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Collection", "Locked").Store(&locked)
	return err != nil || locked.Value() != false
}

// collectionPaths lists the service's collections.
func (b *Bus) collectionPaths(ctx context.Context) ([]dbus.ObjectPath, error) {
	var v dbus.Variant
	err := b.conn.Object(serviceName, servicePath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		service, "Collections").Store(&v)
	paths, _ := v.Value().([]dbus.ObjectPath)
	return paths, err
}

const (
	serviceName = "org.freedesktop.secrets"
	servicePath = "/org/freedesktop/secrets"
	service     = "org.freedesktop.Secret.Service"
	loginPath   = "/org/freedesktop/secrets/collection/login"
)

// Keyring is a real gnome-keyring on a private bus.
type Keyring struct {
	*Bus
	mu     sync.Mutex
	daemon *process
	text   bool // it has no password, and keeps a text file
}

// Start starts a bus and an unlocked, empty gnome-keyring that end with the
// test.
func Start(t testing.TB) *Keyring {
	t.Helper()
	Need(t, "dbus-daemon", "gnome-keyring-daemon")
	k := &Keyring{Bus: StartBus(t)}
	k.StartDaemon()
	return k
}

// StartWithoutPassword is Start with a default keyring that has no password, as people
// have it who log in by themselves: gnome-keyring keeps it in a text file.
func StartWithoutPassword(t testing.TB) *Keyring {
	t.Helper()
	Need(t, "dbus-daemon", "gnome-keyring-daemon")
	k := &Keyring{Bus: StartBus(t), text: true}
	folder := filepath.Join(k.dir, "data", "keyrings")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "Default_keyring.keyring"), "[keyring]\ndisplay-name=Default keyring\nctime=0\nmtime=0\nlock-on-idle=false\nlock-after=false\n")
	write(t, filepath.Join(folder, "default"), "Default_keyring")
	k.StartDaemonAsIs()
	return k
}

// StartDaemon starts the daemon again, unlocked, after KillDaemon.
func (k *Keyring) StartDaemon() {
	k.t.Helper()
	k.StartDaemonAsIs()
	k.wait("gnome-keyring to unlock", func(ctx context.Context) bool { return !k.isLocked(ctx, loginPath) })
}

// StartDaemonAsIs starts the daemon without checking that it could open its
// keyring.
func (k *Keyring) StartDaemonAsIs() {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wait("the previous daemon to leave the bus", func(ctx context.Context) bool { return !k.HasOwner(ctx) })
	args, password := []string{"--foreground", "--components=secrets"}, strings.NewReader("")
	if !k.text {
		args, password = append(args, "--unlock"), strings.NewReader(Password)
	}
	k.daemon = run(k.t, k.Env(), password, "gnome-keyring-daemon", args...)
	k.wait("gnome-keyring to come", k.HasOwner)
}

// KillDaemon kills the daemon as a crash would (SIGKILL).
func (k *Keyring) KillDaemon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.daemon.kill()
}

// StopDaemon freezes the daemon (SIGSTOP): it stays on the bus and does not answer.
func (k *Keyring) StopDaemon() { k.signal(syscall.SIGSTOP) }

// ContinueDaemon continues a frozen daemon.
func (k *Keyring) ContinueDaemon() { k.signal(syscall.SIGCONT) }

func (k *Keyring) signal(s syscall.Signal) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.daemon.cmd.Process.Signal(s); err != nil {
		k.t.Fatal(err)
	}
}

// Lock locks the login keyring. Its prompts are not answered.
func (k *Keyring) Lock() {
	k.t.Helper()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := k.conn.Object(serviceName, servicePath).CallWithContext(ctx, service+".Lock", 0,
		[]dbus.ObjectPath{loginPath}).Store(&locked, &prompt)
	if err != nil {
		k.t.Fatal(err)
	}
}

// File returns the path of the login keyring.
func (k *Keyring) File() string { return filepath.Join(k.dir, "data", "keyrings", "login.keyring") }

// Lookup reads an item with secret-tool, as another program would. It returns "" if
// there is none.
func (k *Keyring) Lookup(service, user string) string {
	k.t.Helper()
	Need(k.t, "secret-tool")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "secret-tool", "lookup", "service", service, "username", user)
	cmd.Env = append(os.Environ(), k.Env()...)
	out, _ := cmd.Output() // exit status 1 is "no such item"
	return string(out)
}

// Store stores an item with secret-tool, as another program would. attributes are
// names and values.
func (k *Keyring) Store(label, secret string, attributes ...string) {
	k.t.Helper()
	Need(k.t, "secret-tool")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "secret-tool", append([]string{"store", "--label=" + label}, attributes...)...)
	cmd.Env = append(os.Environ(), k.Env()...)
	cmd.Stdin = strings.NewReader(secret)
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("secret-tool store: %v: %s", err, out)
	}
}

// DefaultCollection returns the name of the collection for new items.
func (b *Bus) DefaultCollection() string {
	b.t.Helper()
	name, err := b.ReadDefaultCollection()
	if err != nil {
		b.t.Fatal(err)
	}
	return name
}

// ReadDefaultCollection is DefaultCollection for a daemon that may have gone.
func (b *Bus) ReadDefaultCollection() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var path dbus.ObjectPath
	err := b.conn.Object(serviceName, servicePath).CallWithContext(ctx, service+".ReadAlias", 0, "default").Store(&path)
	return filepath.Base(string(path)), err
}

// SecondDaemon starts another gnome-keyring with the same folder, on a bus of its
// own, as a second session of the user does.
func (k *Keyring) SecondDaemon() {
	k.t.Helper()
	other := StartBus(k.t)
	env := append(k.Env(), "DBUS_SESSION_BUS_ADDRESS="+other.Address(), "XDG_RUNTIME_DIR="+filepath.Join(other.dir, "run"))
	run(k.t, env, strings.NewReader(Password), "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	other.wait("the second gnome-keyring to come", other.HasOwner)
}

// Users lists the users of the service's items, with one entry for each item.
func (k *Keyring) Users(service string) []string { return k.ItemUsers(service) }

// ItemUsers lists the users of the service's items in order, with one entry for
// each item.
func (k *Bus) ItemUsers(service string) []string {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var unlocked, locked []dbus.ObjectPath
	err := k.conn.Object(serviceName, servicePath).CallWithContext(ctx, "org.freedesktop.Secret.Service.SearchItems", 0,
		map[string]string{"service": service}).Store(&unlocked, &locked)
	if err != nil {
		k.t.Fatal(err)
	}
	var users []string
	for _, item := range append(unlocked, locked...) {
		var v dbus.Variant
		if err := k.conn.Object(serviceName, item).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
			"org.freedesktop.Secret.Item", "Attributes").Store(&v); err != nil {
			k.t.Fatal(err)
		}
		attributes, _ := v.Value().(map[string]string)
		users = append(users, attributes["username"])
	}
	slices.Sort(users)
	return users
}

// process is a child process that is killed when the test ends at the latest.
type process struct {
	cmd  *exec.Cmd
	out  *bytes.Buffer
	done chan struct{}
}

func run(t testing.TB, env []string, stdin *strings.Reader, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	return runCommand(t, cmd)
}

func runCommand(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, out: &bytes.Buffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() && p.out.Len() > 0 {
			t.Logf("%s said: %s", cmd.Path, p.out)
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

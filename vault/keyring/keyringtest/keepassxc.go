//go:build unix

package keyringtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Desktop is a private X server with only the programs that a test starts.
type Desktop struct {
	t       testing.TB
	display string
}

// StartDesktop starts an Xvfb that ends with the test.
func StartDesktop(t testing.TB) *Desktop {
	t.Helper()
	Need(t, "Xvfb", "xdotool")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	runCommand(t, cmd)
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(r).ReadString('\n') // read everything: Xvfb ends if it cannot write the rest
	if err != nil {
		t.Fatalf("Xvfb did not say its display: %v", err)
	}
	return &Desktop{t: t, display: ":" + strings.TrimSpace(line)}
}

// Env returns the environment for a program that shows itself there.
func (d *Desktop) Env() []string { return []string{"DISPLAY=" + d.display, "QT_QPA_PLATFORM=xcb"} }

func (d *Desktop) xdotool(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(os.Environ(), d.Env()...)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// Windows lists the titles of the visible windows, by id.
func (d *Desktop) Windows() map[string]string {
	ids, _ := d.xdotool("search", "--onlyvisible", "--name", ".")
	titles := map[string]string{}
	for _, id := range strings.Fields(ids) {
		if title, err := d.xdotool("getwindowname", id); err == nil && title != "" {
			titles[id] = title
		}
	}
	return titles
}

// WaitWindow waits for a window whose title contains a text.
func (d *Desktop) WaitWindow(title string) (id string) {
	d.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for id, name := range d.Windows() {
			if strings.Contains(name, title) {
				return id
			}
		}
	}
	d.t.Fatalf("no window %q; there are %v", title, d.Windows())
	return ""
}

// Press types a key into a window: "Return", "Escape".
func (d *Desktop) Press(id, key string) {
	d.t.Helper()
	_, _ = d.xdotool("windowfocus", id)
	if _, err := d.xdotool("key", key); err != nil {
		d.t.Errorf("xdotool key %s: %v", key, err)
	}
}

// Type types text into a window.
func (d *Desktop) Type(id, text string) {
	d.t.Helper()
	_, _ = d.xdotool("windowfocus", id)
	if _, err := d.xdotool("type", text); err != nil {
		d.t.Errorf("xdotool type: %v", err)
	}
}

// Screenshot saves a picture of the desktop, to see what went wrong.
func (d *Desktop) Screenshot(path string) {
	cmd := exec.Command("import", "-window", "root", path)
	cmd.Env = append(os.Environ(), d.Env()...)
	_ = cmd.Run()
}

// KeePassXC is a real KeePassXC. It asks for every item that is read, overwritten or
// deleted, as it does by default.
type KeePassXC struct {
	*Bus
	*Desktop
	program *process
}

// DatabasePassword opens the databases of StartKeePassXC.
const DatabasePassword = "db-pass"

// exposedDatabase is an empty database whose root group is shown to other programs.
const exposedDatabase = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<KeePassFile><Meta><Generator>KeePassXC</Generator><RecycleBinEnabled>True</RecycleBinEnabled>
<CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{01020304-0506-0708-090a-0b0c0d0e0f10}</Value></Item></CustomData></Meta>
<Root><Group><UUID>AQIDBAUGBwgJCgsMDQ4PEA==</UUID><Name>Passwords</Name></Group></Root></KeePassFile>
`

const keepassxcConfig = `[General]
ConfigVersion=2
SingleInstance=false
AutoSaveAfterEveryChange=%t
[GUI]
CheckForUpdates=false
CheckForUpdatesIncludeBetas=false
[FdoSecrets]
Enabled=true
`

// StartKeePassXC starts KeePassXC with empty databases of those names, open, with
// the last one in front. It does not save them by itself: KeePassXC 2.7.4 lets a
// database change while a thread saves it, and crashes in one of twenty runs of the
// conformance suite.
func StartKeePassXC(t testing.TB, databases ...string) *KeePassXC {
	t.Helper()
	return startKeePassXC(t, false, databases)
}

// StartSavingKeePassXC is StartKeePassXC with KeePassXC's default of saving a database
// after every change. See Crashed.
func StartSavingKeePassXC(t testing.TB, databases ...string) *KeePassXC {
	t.Helper()
	return startKeePassXC(t, true, databases)
}

func startKeePassXC(t testing.TB, saves bool, databases []string) *KeePassXC {
	t.Helper()
	Need(t, "keepassxc", "keepassxc-cli", "dbus-daemon")
	k := &KeePassXC{Bus: StartBus(t), Desktop: StartDesktop(t)}
	folder := filepath.Join(k.dir, "config", "keepassxc")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "keepassxc.ini"), fmt.Sprintf(keepassxcConfig, saves))
	write(t, filepath.Join(k.dir, "empty.xml"), exposedDatabase)
	args, passwords := []string{"--pw-stdin"}, ""
	for _, name := range databases {
		file := filepath.Join(k.dir, name+".kdbx")
		cmd := exec.Command("keepassxc-cli", "import", "-q", "-p", "-t", "100", filepath.Join(k.dir, "empty.xml"), file)
		cmd.Env = append(os.Environ(), k.Bus.Env()...)
		cmd.Stdin = strings.NewReader(DatabasePassword + "\n" + DatabasePassword + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("keepassxc-cli import: %v: %s", err, out)
		}
		args, passwords = append(args, file), passwords+DatabasePassword+"\n"
	}
	cmd := exec.Command("keepassxc", args...)
	cmd.Env = append(os.Environ(), k.Env()...)
	cmd.Stdin = strings.NewReader(passwords)
	k.program = runCommand(t, cmd)
	k.wait("KeePassXC to show its databases", func(ctx context.Context) bool {
		paths, err := k.collectionPaths(ctx)
		return err == nil && len(paths) == len(databases) && !slices.ContainsFunc(paths, func(p dbus.ObjectPath) bool { return k.isLocked(ctx, p) })
	})
	return k
}

// Env returns the environment for a program that uses this bus and desktop.
func (k *KeePassXC) Env() []string { return append(k.Bus.Env(), k.Desktop.Env()...) }

// OtherTab brings the next database to the front.
func (k *KeePassXC) OtherTab() {
	k.Bus.t.Helper()
	before := k.DefaultCollection()
	k.wait("the other tab to come to the front", func(context.Context) bool {
		k.PressNextTab()
		time.Sleep(100 * time.Millisecond)
		return k.DefaultCollection() != before
	})
}

// PressNextTab types the key for the next tab. It has no effect while a dialog is
// open, or when KeePassXC has ended.
func (k *KeePassXC) PressNextTab() {
	for id, title := range k.Windows() {
		if strings.Contains(title, ".kdbx") {
			k.Press(id, "ctrl+Tab")
			return
		}
	}
}

// LockDatabases locks the databases, as KeePassXC does by itself after a time.
func (k *KeePassXC) LockDatabases() {
	k.Bus.t.Helper()
	k.Press(k.WaitWindow(".kdbx"), "ctrl+l")
	k.WaitWindow("[Locked]")
}

// Crashed reports whether KeePassXC has ended.
func (k *KeePassXC) Crashed() bool {
	select {
	case <-k.program.done:
		return true
	default:
		return false
	}
}

// AnswerAll answers every dialog until the returned function is called, which
// returns the titles of the dialogs.
func (d *Desktop) AnswerAll(after time.Duration, key string) (stop func() []string) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan []string)
	go func() {
		var seen []string
		since := map[string]time.Time{}
		for ctx.Err() == nil {
			for id, title := range d.Windows() {
				if strings.Contains(title, ".kdbx") || strings.HasSuffix(title, " - KeePassXC") || title == "KeePassXC" || strings.HasPrefix(title, "Qt ") {
					continue
				}
				if since[id].IsZero() {
					since[id] = time.Now()
					seen = append(seen, title)
				}
				if time.Since(since[id]) >= after {
					d.Press(id, key)
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		done <- seen
	}()
	return func() []string {
		cancel()
		return <-done
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(fmt.Errorf("write a test's file: %w", err))
	}
}

package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrepare_ReachesTheKeyringForATokenOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "kk") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bus, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "bus"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(dir, "bus"))
	index := `{"version":2,"profiles":[
{"account":"acme","environment":"sandbox","id":"aaaaaaaaaaaaaaaa","store":"keyring","expires_in":300}
]}
`
	if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		"token acme": true, "exec acme -- true": true, "env acme": true, "copy acme": true, "api acme /v1/x": true,
		"": false, "list": false, "verify acme": false, "token --help": false, "token acme --store file": false, "exec acme --store=file -- true": false, "--version": false,
	} {
		for home, want := range map[string]bool{dir: want, t.TempDir(): false} {
			a := &app{System: System{Args: strings.Fields(line), Environ: []string{"KITEKEY_HOME=" + home}}}
			a.prepare()
			if got := a.prepared != nil; got != want {
				t.Errorf("%q with %s: prepared: %v", line, home, got)
			}
			if !want {
				continue
			}
			_ = bus.SetDeadline(time.Now().Add(10 * time.Second))
			conn, err := bus.AcceptUnix()
			if err != nil {
				t.Errorf("%q with %s does not connect: %v", line, home, err)
				continue
			}
			_ = conn.Close()
		}
	}
}

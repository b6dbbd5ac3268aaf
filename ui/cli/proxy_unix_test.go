//go:build !windows

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestProxy_RefusesEmptyAddresses(t *testing.T) {
	for _, flag := range []string{"--unix-socket", "--listen"} {
		_, err := parse(t, newProxy, "acme", flag, "")
		if err == nil || !strings.Contains(err.Error(), flag+" is empty") || exitCode(err) != exitUsage {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// In a folder that others can write to, they can replace even a private one.
func TestPrivateFolder_IsNotWhereOthersCanReplaceIt(t *testing.T) {
	dir := t.TempDir()
	if err := privateFolder(filepath.Join(dir, "new", "deep")); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := privateFolder(filepath.Join(dir, "new")); err == nil || !strings.Contains(err.Error(), "other users can write to") {
		t.Error(err)
	}
}

func TestReportMint_TellsALifeThatWasNotAskedFor(t *testing.T) {
	minted := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for given, want := range map[time.Duration]string{
		30 * time.Second: "a life of 30 s; 1 min were asked for",
		time.Minute:      "",
		62 * time.Second: "",
		10 * time.Hour:   "a life of 10 h; 1 min were asked for",
	} {
		var said bytes.Buffer
		a := &app{System: System{Stderr: &said}}
		tok := vault.Token{Token: kite.Token{Minted: minted, Expires: minted.Add(given), Requested: 60}, Minted: true, Cached: true}
		a.reportMint(vault.Selector{Account: "acme", Environment: kite.Sandbox}, tok, vault.TokenRequest{})
		if got := said.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", given, got, want)
		}
	}
}

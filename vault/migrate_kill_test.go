//go:build linux

package vault_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kitekey/kite"
	. "kitekey/vault"
	"kitekey/vault/internal/disk"
	"kitekey/vault/keyring"
	"kitekey/vault/keyring/keyringtest"
	"kitekey/vault/storetest"
)

// The helper process of TestMigrate_LosesNothingWhenKilled moves everything, and
// prints a line before each call of a store.
func TestHelperProcess_MigratesUntilKilled(t *testing.T) {
	dir, to := os.Getenv("TEST_MIGRATE_DIR"), os.Getenv("TEST_MIGRATE_TO")
	if dir == "" {
		return // not the other process
	}
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", os.Getenv("TEST_MIGRATE_BUS")) // TestMain has removed it
	f := newFileStore(t, dir)
	stores := map[string]Store{"file": loud(f), "keyring": loud(keyring.New())}
	from := StoreInUse(dir)
	g := &fakeGateway{}
	v, err := Open(Options{Dir: dir, Store: stores[from], Gateway: func(kite.Environment) Gateway { return g }})
	if err != nil {
		t.Fatal(err)
	}
	if from == to {
		other := "file"
		if to == other {
			other = "keyring"
		}
		_, err = v.ClearMigration(context.Background(), stores[other])
	} else {
		_, err = v.Migrate(context.Background(), stores[to], nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	os.Exit(0) // before the leak check finds the connection to the bus, which ends with the process
}

// loud prints a line before each operation of s.
func loud(s Store) Store {
	f := storetest.NewFaulty(s)
	f.On(func(op, _ string) error { fmt.Println(op); return nil }, nil)
	return f
}

// 200 profiles are moved from a real keyring to a file and back, by processes that
// are killed in between. Nothing is lost or doubled.
func TestMigrate_LosesNothingWhenKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process at every step")
	}
	d := keyringtest.Start(t)
	d.Use()
	const profiles, kills = 200, 2
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newFixture(t)
	ring := keyring.New()
	w.SetStore(ring)
	names := make([]string, profiles)
	var entries []Profile
	for i := range names { // as Add does, but with one write of the index
		names[i] = fmt.Sprintf("account-%03d/live", i)
		p := Profile{ID: NewID(), Selector: sel(names[i]), Store: ring.Name(), ExpiresIn: DefaultExpiresIn}
		if err := w.WriteItem(t.Context(), p, Credentials{Selector: p.Selector, Current: credential(names[i])}); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, p)
	}
	if err := w.UpdateIndex(t.Context(), func(list *[]Profile) error { *list = entries; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"file", "keyring"} {
		killed := 0
		for {
			// About 800 calls copy everything, and 400 delete it from the old store.
			after := -1
			if killed < kills {
				after = random.IntN(1100)
			}
			if !mover(t, w.dir, d.Address(), to, after) {
				break // it was not killed
			}
			killed++
		}
		f := newFileStore(t, w.dir)
		stores := map[string]Store{"file": f, "keyring": ring}
		in, out := stores[to], stores["keyring"]
		if to == "keyring" {
			out = f
		}
		t.Logf("to the %s: %d kills, then in use: %s", to, killed, StoreInUse(w.dir))
		wantAll(t, w.on(t, in), out, names...)
		if keys, err := in.(Lister).Keys(t.Context()); err != nil || len(keys) != profiles {
			t.Errorf("the %s has %d items: %v", to, len(keys), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "*"+disk.TempMark+"*")); len(left) != 0 {
		t.Errorf("stale files: %v", left)
	}
}

// mover runs a process that moves everything, and kills it at its after-th call of
// a store. It reports whether the process was killed.
func mover(t *testing.T, dir, bus, to string, after int) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess_MigratesUntilKilled$")
	cmd.Env = append(os.Environ(), "TEST_MIGRATE_DIR="+dir, "TEST_MIGRATE_BUS="+bus, "TEST_MIGRATE_TO="+to)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines, n := bufio.NewScanner(out), 0; lines.Scan(); n++ {
		if n == after {
			killed = cmd.Process.Kill() == nil
		}
		if text := lines.Text(); len(text) > len("delete") {
			said = append(said, text)
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Fatalf("the mover: %v: %s", err, strings.Join(said, "\n"))
	}
	return killed
}

package vault_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"kitekey/kite"
	. "kitekey/vault"
)

// thousand returns a vault with 1,000 profiles on disk, 50 of them with an
// unexpired token.
func thousand(b *testing.B) *Vault {
	b.Helper()
	now := time.Now()
	var profiles []Profile
	for i := range 1000 {
		p := Profile{
			ID:       fmt.Sprintf("aaaaaaaaaaaa%c%c%c%c", 'a'+i/17576%26, 'a'+i/676%26, 'a'+i/26%26, 'a'+i%26),
			Selector: Selector{fmt.Sprintf("account-%03d", i/2), kite.Environments[i%2]}, Store: "memory",
			Label: "An account with a label of its own", KeyHint: "2jj2", ExpiresIn: DefaultExpiresIn,
			Verdict: VerdictOK, VerdictAt: now, LastUsed: now,
		}
		if i%20 == 0 {
			p.Token = TokenInfo{Minted: now, Deadline: now.Add(time.Hour), ExpiresIn: 3600}
		}
		profiles = append(profiles, p)
	}
	v, err := Open(Options{Dir: filepath.Join(b.TempDir(), "home"), Store: NewMemory(), Gateway: func(kite.Environment) Gateway { return &fakeGateway{} }})
	if err != nil {
		b.Fatal(err)
	}
	if err := v.SaveIndex(profiles); err != nil {
		b.Fatal(err)
	}
	if list, err := v.List(); err != nil || len(list) != 1000 {
		b.Fatal(len(list), err)
	}
	return v
}

// BenchmarkList1000 reads and lists 1,000 profiles, as every command and the first
// screen do.
func BenchmarkList1000(b *testing.B) {
	v := thousand(b)
	for b.Loop() {
		if _, err := v.List(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChange1000 records one change among 1,000 profiles: read, write, sync.
func BenchmarkChange1000(b *testing.B) {
	v := thousand(b)
	list, err := v.List()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := v.ChangeEntry(b.Context(), list[500].ID, func(p *Profile) { p.LastUsed = time.Now() }); err != nil {
			b.Fatal(err)
		}
	}
}

package storetest

import (
	"path/filepath"
	"testing"

	"kitekey/vault"
)

func TestStore_InMemory(t *testing.T) {
	Run(t, Suite{Name: vault.MemoryName, Lists: true, New: func(*testing.T) Place {
		m := vault.NewMemory()
		return func() vault.Store { return m }
	}})
}

func TestFaulty_BehavesUntilTold(t *testing.T) {
	Run(t, Suite{Name: vault.MemoryName, Lists: true, New: func(*testing.T) Place {
		f := NewFaulty(nil)
		return func() vault.Store { return f }
	}})
}

func TestStore_InAFile(t *testing.T) {
	Run(t, Suite{Name: "other", Lists: true, New: func(t *testing.T) Place {
		path := filepath.Join(t.TempDir(), "items.json")
		return func() vault.Store { return NewFile("other", path) }
	}})
}

//go:build linux

package keyring

import (
	"context"
	"testing"
	"time"

	"kitekey/vault/keyring/keyringtest"
	"kitekey/vault/keyring/secretservice"
)

// BenchmarkGet measures what a process pays to read one item: the connection, the
// key agreement, the search and the secret.
func BenchmarkGet(b *testing.B) {
	d := keyringtest.Start(b)
	address := d.Address()
	b.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	s := New()
	if err := s.Set(b.Context(), "one", []byte("value")); err != nil {
		b.Fatal(err)
	}
	b.Run("connect and read", func(b *testing.B) {
		for b.Loop() {
			s.Lock()
			if _, err := s.Get(b.Context(), "one"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Get(b.Context(), "one"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("connect", func(b *testing.B) {
		for b.Loop() {
			conn, err := secretservice.Dial(context.Background(), address)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := conn.NewOp(b.Context(), time.Minute, 0, func() {}).Open(nil); err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
	b.Run("keys", func(b *testing.B) {
		for b.Loop() {
			secretservice.NewKeys()
		}
	})
	s.Lock()
}

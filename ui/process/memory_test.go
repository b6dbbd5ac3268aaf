//go:build !race

package process

import (
	"bytes"
	"runtime"
	"testing"
	"unsafe"
)

// litter leaves garbage of every size behind, between things that stay, and gives
// where it was.
func litter(text []byte) (stays [][]byte, was []uintptr) {
	for size := len(text); size <= largest; size += max(8, size/6) {
		for i := range 64 {
			b := make([]byte, size)
			if i%8 == 0 {
				stays = append(stays, b)
				continue
			}
			copy(b[size-len(text):], text)
			was = append(was, uintptr(unsafe.Pointer(&b[size-len(text)])))
		}
	}
	return stays, was
}

// Not with the race detector, which refuses pointers to free memory.
func TestOverwriteFreed_OverwritesGarbage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows takes free memory away, which this test reads")
	}
	text := bytes.Repeat([]byte("canary-7"), 2)
	stays, was := litter(text)
	// Looking at memory that is free: it stays mapped, whatever became of it.
	count := func() (n int) {
		for _, at := range was {
			// at becomes a pointer only here: a pointer would have kept the memory in use.
			if bytes.Equal(unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(text)), text) {
				n++
			}
		}
		return n
	}
	before := count()
	OverwriteFreed()
	// What another processor has at hand may be left out.
	if n := count(); n > len(was)/100 || before < len(was)/2 {
		t.Errorf("of %d copies in garbage %d were left before and %d after", len(was), before, n)
	}
	runtime.KeepAlive(stays)
}

func BenchmarkOverwriteFreed(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		OverwriteFreed()
	}
}

//go:build !race

package process

import (
	"bytes"
	"runtime"
	"testing"
	"unsafe"
)

// litter leaves garbage of every size between objects in use, and returns the
// addresses of the garbage.
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

// The race detector refuses pointers to free memory.
func TestOverwriteFreed_OverwritesGarbage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows takes free memory away, which this test reads")
	}
	text := bytes.Repeat([]byte("canary-7"), 2)
	stays, was := litter(text)
	// count looks at free memory, which stays mapped.
	count := func() (n int) {
		for _, at := range was {
			// Only here does at become a pointer: a pointer would have kept the memory in
			// use.
			if bytes.Equal(unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(text)), text) {
				n++
			}
		}
		return n
	}
	before := count()
	OverwriteFreed()
	// The memory cached for another processor may be left out.
	if n := count(); n > len(was)/100 || before < len(was)/2 {
		t.Errorf("of %d copies in garbage %d were left before and %d after", len(was), before, n)
	}
	runtime.KeepAlive(stays)
}

// leaveOnStack leaves a text on the stack, some way below its caller's frame, and
// returns its address.
//
//go:noinline
func leaveOnStack(text []byte) uintptr {
	var frame [stackDepth / 2]byte
	copy(frame[:], text)
	return uintptr(unsafe.Pointer(&frame))
}

func TestClearStack_OverwritesWhatCallsHaveLeft(t *testing.T) {
	ClearStack() // the stack has grown
	text := []byte("canary-8canary-8")
	var before, after [16]byte
	at := leaveOnStack(text)
	copy(before[:], unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(text)))
	ClearStack()
	copy(after[:], unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(text)))
	if !bytes.Equal(before[:], text) {
		t.Fatal("this test does not find what was left")
	}
	if bytes.Equal(after[:], text) {
		t.Error("it is still there")
	}
}

func BenchmarkOverwriteFreed(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		OverwriteFreed()
	}
}

package process

import (
	"runtime"
	"runtime/debug"
	"unsafe"
)

// OverwriteFreed overwrites the memory that this program has used and no longer
// uses, as far as Go's runtime lets it be reached. Secrets leave copies there that
// could not be erased in place: strings that a library made, buffers that grew.
//
// The garbage collector does not overwrite what it frees. Memory of which whole
// pages are free goes back to the system, which clears it. What is free between
// other things is overwritten by being used again: Go clears what it hands out.
// It takes about a tenth of a second and 20 MB for a moment.
func OverwriteFreed() {
	runtime.GC()  // once more below: what is in a sync.Pool survives one collection
	for range 2 { // each time something is left where another processor is allocating
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		free := int(m.HeapInuse-m.HeapAlloc) + 1<<20
		for size := classOf(1); size <= largest; size = classOf(size + 1) {
			fillFree(size, free)
		}
		fillCachedPages()
	}
	debug.FreeOSMemory()
}

// Go hands out memory up to this size in some 70 sizes, each from pages of its
// own. Larger ones have pages of their own.
const largest = 32 << 10

// classOf is the size in which Go hands out n bytes.
func classOf(n int) int { return cap(append([]byte(nil), make([]byte, n)...)) }

// fillFree uses up what is free for objects of one size: until a run of them lies
// in a row that is as long as what belongs together, and so comes from fresh pages;
// at the latest when there are more of them than all memory that is free.
func fillFree(size, free int) {
	fresh := max(32<<10, 10*size)
	var objects [][]byte
	var last uintptr
	for row, all := 0, 0; row < fresh && all < free; all += size {
		object := make([]byte, size)
		objects = append(objects, object)
		at := uintptr(unsafe.Pointer(unsafe.SliceData(object)))
		if at-last < 2*uintptr(size) { // beside the last one, but for what is over at the end of a page
			row += size
		} else {
			row = 0
		}
		last = at
	}
	runtime.KeepAlive(objects)
}

// fillCachedPages uses up the free pages that the runtime keeps at hand for this
// processor, 64 at most, which do not go back to the system.
func fillCachedPages() {
	const page = 8 << 10
	objects := make([][]byte, 256)
	for i := range objects {
		objects[i] = make([]byte, page)
	}
	runtime.KeepAlive(objects)
}

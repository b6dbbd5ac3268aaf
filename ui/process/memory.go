package process

import (
	"runtime"
	"runtime/debug"
	"sync"
	"unsafe"
)

// OverwriteFreed overwrites the memory that this program has used and freed, as far
// as Go's runtime allows. Such memory has copies of secrets that could not be
// erased in place, such as strings made by a library and buffers that grew.
//
// The garbage collector does not overwrite what it frees. Whole free pages go back
// to the system, which clears them. Free memory between objects in use is
// overwritten by allocating it again, which clears it. OverwriteFreed takes about a
// tenth of a second and 20 MB for a moment.
func OverwriteFreed() {
	overwriting.Lock()
	defer overwriting.Unlock()
	// Each processor keeps free memory for itself, which the others cannot allocate.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.GC() // it runs again below, because the contents of a sync.Pool survive one collection
	for range 2 {
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

// overwriting keeps two calls from restoring each other's number of processors.
var overwriting sync.Mutex

// stackDepth is how much of a stack ClearStack overwrites, in bytes.
const stackDepth = 16 << 10

// ClearStack overwrites what calls that have returned have left on this goroutine's
// stack, such as strings made of a few bytes, and what was in the memory before the
// runtime made it a stack. OverwriteFreed does not reach it.
//
//go:noinline
func ClearStack() {
	var frames [stackDepth]byte
	overwrite(&frames)
}

//go:noinline
func overwrite(frames *[stackDepth]byte) { clear(frames[:]) }

// largest is the size in bytes up to which Go allocates in about 70 size classes,
// each in pages of its own. Larger objects have pages of their own.
const largest = 32 << 10

// classOf returns the size in which Go allocates n bytes.
func classOf(n int) int { return cap(append([]byte(nil), make([]byte, n)...)) }

// fillFree allocates the free memory for objects of one size. Objects that lie in a
// row for 32 KiB, or ten objects of a larger size, come from fresh pages, so it ends
// there. At the latest it ends when it has allocated more than all the free memory.
func fillFree(size, free int) {
	fresh := max(32<<10, 10*size)
	var objects [][]byte
	var last uintptr
	for row, all := 0, 0; row < fresh && all < free; all += size {
		object := make([]byte, size)
		objects = append(objects, object)
		at := uintptr(unsafe.Pointer(unsafe.SliceData(object)))
		if at-last < 2*uintptr(size) { // next to the last one; the end of a page may be unused
			row += size
		} else {
			row = 0
		}
		last = at
	}
	runtime.KeepAlive(objects)
}

// fillCachedPages uses up the free pages, 64 at most, that the runtime caches for
// this processor and does not give back to the system.
func fillCachedPages() {
	const page = 8 << 10
	objects := make([][]byte, 256)
	for i := range objects {
		objects[i] = make([]byte, page)
	}
	runtime.KeepAlive(objects)
}

package clipboard

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The Windows clipboard keeps a copy after the program that made it has ended, so
// the copy must be cleared. Its sequence number tells whether another program has
// written, but the text decides, because a clipboard manager writes the same text
// again. https://learn.microsoft.com/windows/win32/dataxchg/using-the-clipboard
//
// This has been run under Wine 8, and compiled and vetted for Windows; it has not
// been run on Windows itself by its authors.

var (
	user32           = windows.NewLazySystemDLL("user32.dll")
	createWindow     = user32.NewProc("CreateWindowExW")
	destroyWindow    = user32.NewProc("DestroyWindow")
	openClipboard    = user32.NewProc("OpenClipboard")
	closeClipboard   = user32.NewProc("CloseClipboard")
	emptyClipboard   = user32.NewProc("EmptyClipboard")
	setClipboardData = user32.NewProc("SetClipboardData")
	registerFormat   = user32.NewProc("RegisterClipboardFormatW")
	getClipboardData = user32.NewProc("GetClipboardData")

	kernel32     = windows.NewLazySystemDLL("kernel32.dll")
	globalAlloc  = kernel32.NewProc("GlobalAlloc")
	globalFree   = kernel32.NewProc("GlobalFree")
	globalLock   = kernel32.NewProc("GlobalLock")
	globalUnlock = kernel32.NewProc("GlobalUnlock")
	globalSize   = kernel32.NewProc("GlobalSize")
)

const (
	cfUnicodeText = 13
	gmemMoveable  = 0x0002
	// hwndMessage (-3) as the parent makes a window that is only for messages.
	hwndMessage = ^uintptr(2)
)

// excludeFormats keep a copy out of the clipboard's history, out of the cloud, and
// out of programs that watch. The first counts by its presence, the others by their
// value, a DWORD of 0.
// https://learn.microsoft.com/windows/win32/dataxchg/clipboard-formats#cloud-clipboard-and-clipboard-history-formats
var excludeFormats = []string{
	"ExcludeClipboardContentFromMonitorProcessing",
	"CanIncludeInClipboardHistory",
	"CanUploadToCloudClipboard",
}

func holdNative(req request, secret []byte) (holder, string, error) {
	if req.Way != Windows {
		return nil, "", fmt.Errorf("there is no clipboard %q on this system", req.Way)
	}
	c := windowsCopy{utf16.Encode([]rune(string(secret) + "\x00"))}
	if err := c.put(); err != nil {
		return nil, "", err
	}
	return c, "", nil
}

// windowsCopy is the text of a copy, with the zero at its end that Windows expects.
type windowsCopy struct{ text []uint16 }

// put puts the text on the clipboard, with the marks that exclude it from records.
func (c windowsCopy) put() error {
	return withClipboard(func() error {
		if ok, _, err := emptyClipboard.Call(); ok == 0 {
			return fmt.Errorf("emptying the clipboard: %w", err)
		}
		for _, name := range excludeFormats {
			format, err := register(name)
			if err != nil {
				return err
			}
			if err := setData(format, make([]byte, 4)); err != nil {
				return err
			}
		}
		return setData(cfUnicodeText, unsafe.Slice((*byte)(unsafe.Pointer(&c.text[0])), 2*len(c.text)))
	})
}

func (c windowsCopy) Lost() <-chan struct{} { return nil }
func (c windowsCopy) Gone() <-chan struct{} { return nil }

func (c windowsCopy) Clear(newer func() bool) error {
	defer clear(c.text)
	there := func() (found bool, err error) {
		err = withClipboard(func() error {
			found = c.isThere()
			return nil
		})
		return found, err
	}
	return clearWhileThere(newer, there, func(text string) error {
		return withClipboard(func() error {
			if !c.isThere() {
				return nil // another text was copied meanwhile
			}
			if ok, _, err := emptyClipboard.Call(); ok == 0 {
				return fmt.Errorf("emptying the clipboard: %w", err)
			}
			if text == "" {
				return nil
			}
			blank := append(utf16.Encode([]rune(text)), 0)
			return setData(cfUnicodeText, unsafe.Slice((*byte)(unsafe.Pointer(&blank[0])), 2*len(blank)))
		})
	})
}

// isThere reports whether the open clipboard holds the text.
func (c windowsCopy) isThere() bool {
	memory, _, _ := getClipboardData.Call(cfUnicodeText)
	if memory == 0 {
		return false
	}
	size, _, _ := globalSize.Call(memory)
	if size < uintptr(2*len(c.text)) {
		return false
	}
	p, _, _ := globalLock.Call(memory)
	if p == 0 {
		return false
	}
	defer globalUnlock.Call(memory)
	// Compare the zero at the end too: a longer text with the same beginning is
	// another text.
	return slices.Equal(unsafe.Slice((*uint16)(pointer(p)), len(c.text)), c.text)
}

func (c windowsCopy) Release() {}

// withClipboard runs do while the clipboard is open. An open clipboard belongs to a
// window and to that window's thread. withClipboard destroys the window at the end:
// an owner that does not answer messages would delay every later copy.
func withClipboard(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	class, err := windows.UTF16PtrFromString("STATIC")
	if err != nil {
		return err
	}
	window, _, err := createWindow.Call(0, uintptr(unsafe.Pointer(class)), 0, 0, 0, 0, 0, 0, hwndMessage, 0, 0, 0)
	if window == 0 {
		return fmt.Errorf("this session has no desktop: %w", err)
	}
	defer destroyWindow.Call(window)
	// tries is how often to try to open the clipboard. Only one program at a time can
	// have it open, for a moment.
	const tries = 40
	for try := 1; ; try++ {
		ok, _, err := openClipboard.Call(window)
		if ok != 0 {
			break
		}
		if try == tries {
			return fmt.Errorf("another program keeps the clipboard open: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer closeClipboard.Call()
	return do()
}

func register(name string) (uintptr, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	format, _, err := registerFormat.Call(uintptr(unsafe.Pointer(p)))
	if format == 0 {
		return 0, fmt.Errorf("registering the clipboard format %s: %w", name, err)
	}
	return format, nil
}

// setData puts data in one format on the open clipboard. The memory belongs to the
// system afterwards.
func setData(format uintptr, data []byte) error {
	memory, _, err := globalAlloc.Call(gmemMoveable, uintptr(len(data)))
	if memory == 0 {
		return fmt.Errorf("memory for the clipboard: %w", err)
	}
	p, _, err := globalLock.Call(memory)
	if p == 0 {
		globalFree.Call(memory)
		return fmt.Errorf("memory for the clipboard: %w", err)
	}
	copy(unsafe.Slice((*byte)(pointer(p)), len(data)), data)
	globalUnlock.Call(memory)
	if ok, _, err := setClipboardData.Call(format, memory); ok == 0 {
		globalFree.Call(memory)
		return errors.Join(errors.New("the clipboard refused the text"), err)
	}
	return nil
}

// pointer turns an address from the system into a pointer in a form that go vet
// accepts.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

func nativeReachable(w Way, _ func(string) string) bool { return w == Windows }

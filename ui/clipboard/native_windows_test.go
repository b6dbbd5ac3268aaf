package clipboard

import (
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func hangUp(*testing.T, int) {}

// TestWindows_PastesUntilCleared reads the clipboard back through the system's own calls. It uses the
// clipboard of the machine, so it has to be asked for.
func TestWindows_PastesUntilCleared(t *testing.T) {
	if syscallEnv("KITEKEY_TEST_OWN_CLIPBOARD") == "" {
		t.Skip("this would change your clipboard; set KITEKEY_TEST_OWN_CLIPBOARD=1 to allow it")
	}
	c := start(t, Options{Env: syscallEnv})
	clearAt := in(2 * time.Second)
	if r := mustCopy(t, c, canary, clearAt); r.Way != Windows || r.Caveat != "" {
		t.Errorf("receipt is %+v", r)
	}
	if got := pasteWindows(t); got != canary {
		t.Errorf("pasted %q", got)
	}
	for _, name := range excludeFormats {
		format, err := register(name)
		if err != nil {
			t.Fatal(err)
		}
		if ok, _, _ := user32.NewProc("IsClipboardFormatAvailable").Call(format); ok == 0 {
			t.Errorf("%s is not there", name)
		}
	}
	for pasteWindows(t) != "" {
		if time.Since(clearAt) > 30*time.Second {
			t.Fatal("it is still there")
		}
		time.Sleep(50 * time.Millisecond)
	}

	mustCopy(t, c, canary, in(time.Second))
	h := c.last.(*helperSession)
	other := "something else"
	if err := withClipboard(func() error {
		emptyClipboard.Call()
		text, _ := syscall.UTF16FromString(other)
		return setData(cfUnicodeText, unsafe.Slice((*byte)(unsafe.Pointer(&text[0])), 2*len(text)))
	}); err != nil {
		t.Fatal(err)
	}
	<-h.ended
	if got := pasteWindows(t); got != other {
		t.Errorf("the other copy is %q", got)
	}
}

func syscallEnv(name string) string { v, _ := syscall.Getenv(name); return v }

func pasteWindows(t *testing.T) (text string) {
	t.Helper()
	err := withClipboard(func() error {
		memory, _, _ := user32.NewProc("GetClipboardData").Call(cfUnicodeText)
		if memory == 0 {
			return nil
		}
		p, _, _ := globalLock.Call(memory)
		defer globalUnlock.Call(memory)
		text = syscall.UTF16ToString(unsafe.Slice((*uint16)(pointer(p)), MaxSize))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

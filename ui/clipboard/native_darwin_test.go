package clipboard

import (
	"os"
	"os/exec"
	"testing"

	"kitekey/ui/clipboard/clipboardtest"
)

// TestMacOS_PastesUntilCleared uses the clipboard of the machine, so it has to be asked for.
func TestMacOS_PastesUntilCleared(t *testing.T) {
	if os.Getenv("KITEKEY_TEST_OWN_CLIPBOARD") == "" {
		t.Skip("this would change your clipboard; set KITEKEY_TEST_OWN_CLIPBOARD=1 to allow it")
	}
	paste := func() string {
		out, err := exec.Command("/usr/bin/pbpaste").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	c := start(t, Options{Env: os.Getenv})
	if r := mustCopy(t, c, canary, far()); r.Way != MacOS || r.Caveat != "" {
		t.Errorf("receipt is %+v", r)
	}
	if got := paste(); got != canary {
		t.Errorf("pasted %q", got)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	clipboardtest.Eventually(t, func() error {
		if paste() != "" {
			return os.ErrExist
		}
		return nil
	})
	mustCopy(t, c, canary, far())
	other := exec.Command("/usr/bin/pbcopy")
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Write([]byte("something else"))
	_ = in.Close()
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got := paste(); got != "something else" {
		t.Errorf("the other copy is %q", got)
	}
}

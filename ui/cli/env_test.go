package cli

import (
	"os/exec"
	"runtime"
	"testing"
)

// Shells read back every value unchanged.
func TestSetLine_IsReadBackByShells(t *testing.T) {
	values := []string{"JWT ey.a-b_c", "it's", `a"b\c`, "$(touch x) `touch x` $HOME", "a;b&c|d", "", " lead and trail ", "é\u202e"}
	shells := map[string][]string{"sh": {"sh", "-c"}, "fish": {"fish", "--no-config", "-c"}}
	for shell, command := range shells {
		if _, err := exec.LookPath(command[0]); err != nil {
			if shell == "sh" && runtime.GOOS != "windows" {
				t.Fatal(err)
			}
			t.Logf("no %s here: apt-get install %s", shell, shell)
			continue
		}
		for _, value := range values {
			line := setLine(shell, "KITE_TEST", value) + "\nprintf '[%s]' \"$KITE_TEST\"\n" + unsetLine(shell, "KITE_TEST") + "\nprintf '[%s]' \"$KITE_TEST\""
			out, err := exec.Command(command[0], append(command[1:], line)...).CombinedOutput()
			if want := "[" + value + "][]"; err != nil || string(out) != want {
				t.Errorf("%s: %q, %v, want %q", shell, out, err, want)
			}
		}
	}
	if got, want := setLine("powershell", "X", "it's"), "$Env:X = 'it''s'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

package cli

import (
	"os/exec"
	"runtime"
	"strings"
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

func TestMeantEnv_KnowsCommandLinesWithWrongFlags(t *testing.T) {
	for line, want := range map[string]string{
		"env": "sh", "env acme --shell fish": "fish", "env --nope --shell fish": "fish", "env --nope --shell=pwsh acme": "powershell",
		"--nope env acme": "sh", "--store bogus env acme --shell fish": "fish", "--reason x env": "sh", "env acme --shell tcsh": "sh", "env --shell": "sh",
		"token env": "", "exec acme -- env": "", "--store file token env": "", "": "", "--nope": "", "list": "",
	} {
		if runtime.GOOS == "windows" && want == "sh" {
			want = "powershell"
		}
		syntax, ok := meantEnv(strings.Fields(line))
		if ok != (want != "") || ok && syntax != want {
			t.Errorf("%q: %q, %v, want %q", line, syntax, ok, want)
		}
	}
}

// A shell that evaluates the lines of a failure keeps no variable and fails, fish
// too when --shell was forgotten.
func TestFailLines_LeaveNoVariable(t *testing.T) {
	for shell, c := range map[string]struct{ syntax, script string }{
		"sh":                 {"sh", `eval "$LINES" && echo went on; echo "[$KITE_AUTHORIZATION]"`},
		"fish":               {"fish", `echo $LINES | source; and echo went on; echo "[$KITE_AUTHORIZATION]"`},
		"fish without shell": {"sh", `echo $LINES | source; and echo went on; echo "[$KITE_AUTHORIZATION]"`},
	} {
		program, _, _ := strings.Cut(shell, " ")
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("no %s here", program)
			continue
		}
		cmd := exec.Command(program, "-c", c.script)
		cmd.Env = []string{"KITE_AUTHORIZATION=JWT live", "HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "LINES=" + failLines(c.syntax)}
		if out, _ := cmd.Output(); string(out) != "[]\n" {
			t.Errorf("%s: %q", shell, out)
		}
	}
}

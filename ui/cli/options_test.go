package cli

import (
	"context"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/clipboard"
)

// parse runs a command that only returns its options, with args.
func parse[O any](t *testing.T, newCommand func(*app, func(context.Context, O) error) *cobra.Command, args ...string) (got O, err error) {
	t.Helper()
	a := &app{}
	cmd := newCommand(a, func(_ context.Context, o O) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return got, cmd.Execute()
}

func TestOptions_TokenTakesProfilesFormAndMintFlags(t *testing.T) {
	got, err := parse(t, newToken, "acme", "acme/live", "--json", "--expires-in", "90", "--min-remaining", "1m", "--fresh")
	want := tokenOptions{profiles: []string{"acme", "acme/live"}, form: formJSON}
	want.token = tokenFlags{expiresIn: 90, minRemaining: time.Minute, fresh: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v; %v", got, want, err)
	}
}

func TestOptions_ExecLeavesTheChildsFlagsAlone(t *testing.T) {
	got, err := parse(t, newExec, "acme/live", "--expires-in", "2d", "--", "sh", "-c", "x", "--fresh")
	if err != nil || got.token.expiresIn != 2*24*3600 || got.token.fresh || !reflect.DeepEqual(got.profile, []string{"acme/live"}) ||
		!reflect.DeepEqual(got.argv, []string{"sh", "-c", "x", "--fresh"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, args := range [][]string{{"acme"}, {"acme", "--"}, {"acme", "coral", "--", "sh"}} {
		if _, err := parse(t, newExec, args...); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestOptions_CopyBoundsClearAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{"20": 20 * time.Second, "1m30s": 90 * time.Second, "never": never, "24h": 24 * time.Hour} {
		if got, err := parse(t, newCopy, "acme", "--clear-after", text); err != nil || got.clearAfter != want || got.form != formHeader {
			t.Errorf("--clear-after %s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-5", "500ms", "25h", "soon", ""} {
		if _, err := parse(t, newCopy, "acme", "--clear-after", text); err == nil {
			t.Errorf("--clear-after %s is accepted", text)
		}
	}
	if got, _ := parse(t, newCopy, "acme"); got.clearAfter != clipboard.DefaultClear {
		t.Errorf("by default %v", got.clearAfter)
	}
}

func TestOptions_VerifyShowsFailingInAReport(t *testing.T) {
	for _, c := range []struct {
		args    []string
		failing bool
	}{
		{[]string{"--all"}, false},
		{[]string{"--all", "--report"}, true},
		{[]string{"--all", "--report", "--show", "all"}, false},
		{[]string{"--all", "--csv", "--show", "failing"}, true},
	} {
		if got, err := parse(t, newVerify, c.args...); err != nil || got.failingOnly != c.failing {
			t.Errorf("%q: %+v, %v", c.args, got, err)
		}
	}
}

func TestOptions_EditKeepsWhatIsNotGiven(t *testing.T) {
	got, err := parse(t, newEdit, "acme", "--expires-in", "5m")
	if err != nil || got.label != nil || got.expiresIn != 300 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = parse(t, newEdit, "acme", "--label", "")
	if err != nil || got.label == nil || *got.label != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parse(t, newEdit, "acme"); err == nil {
		t.Error("an edit of nothing is accepted")
	}
}

// A relative folder would be another one in each place.
func TestHome_IsAFullPath(t *testing.T) {
	for _, environ := range [][]string{{"HOME=relative"}, {"HOME=."}, {"HOME=/home/u", "KITEKEY_HOME=~/kitekey"}, {"HOME=/home/u", "KITEKEY_HOME=~"}} {
		if runtime.GOOS == "windows" && len(environ) == 1 {
			continue // HOME does not count there
		}
		t.Setenv("HOME", strings.TrimPrefix(environ[0], "HOME="))
		t.Setenv("XDG_CONFIG_HOME", "")
		a := &app{System: System{Environ: environ}}
		dir, err := a.home()
		var coded *codeError
		if !errors.As(err, &coded) || coded.code != exitUsage {
			t.Errorf("%q: %q %v", environ, dir, err)
		}
	}
}

// Each command's run is called with wrong options, without cobra: it must find the
// error before it uses a store.
func TestRun_RefusesBadOptions(t *testing.T) {
	a := &app{System: System{Environ: []string{"KITEKEY_HOME=" + t.TempDir()}, Stderr: io.Discard, Stdout: io.Discard, Now: time.Now}}
	ctx := t.Context()
	for name, err := range map[string]error{
		"remove":  a.runRemove(ctx, removeOptions{profile: "Not/A/Name"}),
		"rename":  a.runRename(ctx, renameOptions{from: "acme", to: "acme/live"}),
		"edit":    a.runEdit(ctx, editOptions{profile: "a b"}),
		"token":   a.runToken(ctx, tokenOptions{profiles: []string{"acme", "coral"}, form: formToken}),
		"add":     a.runAdd(ctx, addOptions{profile: "acme"}),
		"log":     a.runLog(ctx, logOptions{last: -1}),
		"migrate": a.runStoreMigrate(ctx, migrateOptions{}),
		"import":  a.runImport(ctx, importOptions{file: t.TempDir() + "/nothing"}),
	} {
		var coded *codeError
		if !errors.As(err, &coded) || coded.code != exitUsage {
			t.Errorf("%s: %v, want wrong usage", name, err)
		}
	}
}

// A duration that is too long is not called something else, whatever the flag.
func TestDuration_TooLongIsToldWithTheBound(t *testing.T) {
	var expires kite.Lifetime
	var value time.Duration
	for want, set := range map[string]func(string) error{
		"at most 4294967295 seconds":  expires.Set,
		"at most 1d":                  (&duration{value: &value, most: 24 * time.Hour}).Set,
		"at most 106751d":             (&duration{value: &value}).Set,
		`at most 106751d, or "never"`: (&duration{value: &value, orNever: true}).Set,
	} {
		if err := set("999999999999d"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

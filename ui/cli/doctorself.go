package cli

import (
	"context"
	"path/filepath"
	"strings"

	"kitekey/ui/process"
	"kitekey/ui/safepath"
	"kitekey/ui/session"
	"kitekey/vault"
)

// checkMemory says what protects kitekey's memory from other programs.
func checkMemory() finding {
	f := finding{Check: "memory", Severity: vault.SeverityOK, Text: process.Protected}
	if f.Text == "" {
		f.Text = "kitekey protects its memory on Linux, macOS, FreeBSD and Windows only"
	}
	return f
}

// checkScreenLock says whether the screen locks with the desktop session.
func checkScreenLock(ctx context.Context) finding {
	f := finding{Check: "screen lock", Severity: vault.SeverityOK, Text: "with the desktop session, before the machine sleeps, and when it is idle"}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := session.Watch(ctx); err != nil {
		f.Text = "when it is idle; " + err.Error()
	}
	return f
}

// checkFolderPlace warns when other users can replace the data folder with another.
func (a *app) checkFolderPlace() ([]finding, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	if err := safepath.Replaceable(dir); err != nil {
		return []finding{{Check: "data folder", Severity: vault.SeverityWarning,
			Text: err.Error() + ", and so replace " + dir + " with another folder",
			Fix:  "remove their permission with chmod, or move the data folder and name it in KITEKEY_HOME"}}, nil
	}
	return nil, nil
}

// checkPath lists the folders of PATH from which no helper is run.
func (a *app) checkPath() []finding {
	var unsafe []string
	for _, dir := range filepath.SplitList(a.getenv("PATH")) {
		if err := safepath.Unsafe(dir); err != nil {
			unsafe = append(unsafe, `"`+dir+`" (`+err.Error()+")")
		}
	}
	if len(unsafe) == 0 {
		return nil
	}
	return []finding{{Check: "helpers", Severity: vault.SeverityOK,
		Text: "programs such as wl-copy and tmux are not run from these folders of PATH: " + strings.Join(unsafe, ", ")}}
}

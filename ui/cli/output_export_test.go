package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// As root, a backup written "to" /dev/null with --force would take its place.
func TestCheckOutput_ReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"": "", filepath.Join(dir, "new"): "", file: "", os.DevNull: "is not a file", dir: "is a folder", filepath.Join(dir, "no", "file"): "there is no folder",
	} {
		if path == os.DevNull && runtime.GOOS == "windows" {
			continue
		}
		err := checkOutput(path, true)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := checkOutput(file, false); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("without --force: %v", err)
	}
}

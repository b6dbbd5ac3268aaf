package storetest

import (
	"flag"
	"os"
	"testing"
)

// Short makes a -short run fast, and does nothing to another one. TestMain calls it.
// Eight tests that may run at once do so, since most wait more than they compute.
// Temporary files are kept in memory where the system has a place for that: each
// change of a profile syncs its files to the disk, which takes longer than the rest
// of many a test. A TMPDIR that is set stays.
func Short() {
	flag.Parse()
	if !testing.Short() {
		return
	}
	_ = flag.Set("test.parallel", "8")
	if dir := memoryFolder(); dir != "" && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", dir)
	}
}

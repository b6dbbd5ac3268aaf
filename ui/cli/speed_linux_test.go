package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkProcesses measures whole processes in turns, so that other work on the
// machine affects all of them alike, and reports medians:
//
//	version-over-hello-ms   "kitekey --version" over a hello-startSimulator in Go
//	token/secret-tool       a cached token over secret-tool's lookup of the same item
//	exec-over-version-ms    "kitekey exec acme -- true" over "true" and "kitekey --version"
//	list-over-version-ms    "kitekey list" over "kitekey --version"
//
// Run it with -benchtime=200x.
func BenchmarkProcesses(b *testing.B) {
	h := newInstallation(b, "acme")
	h.must(credentialOf("acme"), "add", "acme", "--stdin")
	h.must("", "token", "acme", "--expires-in", "1h")
	var item string
	for _, user := range h.keyring.Users("kitekey") {
		if strings.HasSuffix(user, "-token") {
			item = user
		}
	}
	hello := helloWorld(b)
	commands := map[string][]string{
		"true":        {"true"},
		"hello":       {hello},
		"version":     {h.binary, "--version"},
		"list":        {h.binary, "list"},
		"token":       {h.binary, "token", "acme"},
		"exec":        {h.binary, "exec", "acme", "--", "true"},
		"secret-tool": {"secret-tool", "lookup", "service", "kitekey", "username", item},
	}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for name, args := range commands { // in a different order each time
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = h.env
			began := time.Now()
			if out, err := cmd.Output(); err != nil {
				b.Fatalf("%s: %v %s", name, err, out)
			}
			took[name] = append(took[name], time.Since(began))
		}
	}
	ms := func(name string) float64 {
		slices.Sort(took[name])
		return float64(took[name][len(took[name])/2]) / float64(time.Millisecond)
	}
	b.ReportMetric(ms("version")-ms("hello"), "version-over-hello-ms")
	b.ReportMetric(ms("token")/ms("secret-tool"), "token/secret-tool")
	b.ReportMetric(ms("exec")-ms("true")-ms("version"), "exec-over-version-ms")
	b.ReportMetric(ms("list")-ms("version"), "list-over-version-ms")
	b.ReportMetric(0, "ns/op") // of no interest here
}

func helloWorld(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module hello\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello, world\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "hello", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "hello")
}

//go:build !linux

package tui

// flushInput does nothing here: the answer may be left to the shell.
func flushInput(int) {}

//go:build !linux

package tui

// flushInput does nothing on this system: the shell may get the terminal's answer.
func flushInput(int) {}

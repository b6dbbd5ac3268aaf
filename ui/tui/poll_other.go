//go:build !unix

package tui

import "time"

// moreInput is not needed on this system, where Bubble Tea reads the terminal itself.
func moreInput(int, time.Duration) bool { return false }

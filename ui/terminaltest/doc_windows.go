// Package terminaltest runs a program on a terminal of its own. It does not work on
// Windows yet.
package terminaltest

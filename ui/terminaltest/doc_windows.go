// Package terminaltest runs a program on a terminal of its own. It has no form for
// Windows yet.
package terminaltest

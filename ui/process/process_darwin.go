package process

import "golang.org/x/sys/unix"

const protected = "debuggers cannot attach to it"

// protect uses PT_DENY_ATTACH, see ptrace(2). Reading another process's memory
// needs the right to debug it.
func protect() error { return unix.PtraceDenyAttach() }

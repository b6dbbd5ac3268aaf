// Package process keeps what this process holds from the other processes of the
// same user, and from the ones it starts.
//
// The kernel lets each process of a user read the memory of every other, and a
// crash may write it to a file. A program that holds credentials can decline
// both; root can still read everything.
package process

// Protect makes the memory of this process unreadable for other processes of the
// same user, keeps debuggers from attaching, and keeps the system from writing
// it to a core file. The processes that it starts are not affected: each program
// begins with the usual permissions.
//
// Where the system has no such switch Protect does nothing; Protected says so.
func Protect() error { return protect() }

// Protected says what Protect does on this system, in words for a report; empty
// when it does nothing.
const Protected = protected

// CloseInherited makes sure that no process that this one starts gets the
// descriptors above 2 that this one was started with. They stay usable here.
func CloseInherited() error { return closeInherited() }

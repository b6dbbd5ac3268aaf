// Package process protects what this process holds from other processes of the same
// user, and from those that it starts.
//
// The kernel lets a user's processes read each other's memory, and a crash may
// write it to a file. A program that holds credentials can switch off both. root
// can still read everything.
package process

// Protect makes the memory of this process unreadable for other processes of the
// same user, keeps debuggers from attaching, and keeps the system from writing a
// core file. It does not affect the programs that the process starts.
//
// On systems without such a switch Protect does nothing, and Protected is empty.
func Protect() error { return protect() }

// Protected says what Protect does on this system, for a report; it is empty if
// Protect does nothing.
const Protected = protected

// CloseInherited makes sure that no process that this one starts gets the
// descriptors above 2 that this one was started with. They stay usable here.
func CloseInherited() error { return closeInherited() }

package secretservice

import (
	"fmt"
	"os"
)

// OwnerError is the error for a bus of another user.
type OwnerError struct{ UID uint32 }

func (e *OwnerError) Error() string { return fmt.Sprintf("the bus belongs to user %d", e.UID) }

// checkOwner returns an [OwnerError] unless this user or root owns the bus.
func checkOwner(uid uint32) error {
	if uid != 0 && int(uid) != os.Geteuid() {
		return &OwnerError{uid}
	}
	return nil
}

package agefile

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// kernelKeyring is the user keyring of the Linux kernel, see keyrings(7). Its keys
// belong to the user in every session, are never swapped out, and expire without
// any process of kitekey's.
type kernelKeyring struct{}

// permissions gives every right to the possessor of the keyring, and the rights to
// view, read and search to the user's other processes, such as services, which do
// not possess it. See keyctl_setperm(3).
const permissions = 0x3f0b0000

func (kernelKeyring) keep(name string, value []byte, life time.Duration) error {
	id, err := unix.AddKey("user", name, value, unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		return err
	}
	seconds := int(max(life/time.Second, 1))
	if _, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, seconds, 0, 0); err == nil {
		err = unix.KeyctlSetperm(id, permissions)
	}
	if err != nil {
		_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	}
	return err
}

func (kernelKeyring) load(name string) ([]byte, error) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		return nil, err
	}
	value := make([]byte, 1024)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, value, 0)
	if err != nil || n > len(value) {
		return nil, errors.Join(err, errors.New("it is not what kitekey keeps"))
	}
	return value[:n], nil
}

func (kernelKeyring) drop(name string) error {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	switch {
	case errors.Is(err, unix.ENOKEY), errors.Is(err, unix.EKEYEXPIRED), errors.Is(err, unix.EKEYREVOKED),
		errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return nil // the key does not exist, or the kernel has no keys
	case err != nil:
		return err
	}
	_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	return err
}

func newKeeper() keeper { return kernelKeyring{} }

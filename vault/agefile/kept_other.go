//go:build !linux

package agefile

import (
	"errors"
	"time"
)

// noKeeper is the keeper of systems whose kernel keeps no keys.
type noKeeper struct{}

var errNoKeeper = errors.New("only the Linux kernel can")

func (noKeeper) keep(string, []byte, time.Duration) error { return errNoKeeper }
func (noKeeper) load(string) ([]byte, error)              { return nil, errNoKeeper }
func (noKeeper) drop(string) error                        { return nil }

func newKeeper() keeper { return noKeeper{} }

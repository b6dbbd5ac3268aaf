//go:build !windows && !darwin

package clipboard

import (
	"fmt"
	"os"
)

// hold makes the copy that req asks for and keeps it.
func hold(req request, secret []byte) (h holder, caveat string, err error) {
	switch req.Way {
	case X11:
		h, err = holdX11(os.Getenv("DISPLAY"), secret, req.ClearAt)
		return h, "", err
	}
	return nil, "", fmt.Errorf("there is no clipboard %q on this system", req.Way)
}

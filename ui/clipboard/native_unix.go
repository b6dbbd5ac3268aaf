//go:build !windows && !darwin

package clipboard

import (
	"fmt"
	"os"
)

func holdNative(req request, secret []byte) (h holder, caveat string, err error) {
	switch req.Way {
	case X11:
		h, err = holdX11(os.Getenv("DISPLAY"), secret, req.ClearAt)
		return h, "", err
	case Wayland:
		return holdWayland(secret)
	}
	return nil, "", fmt.Errorf("there is no clipboard %q on this system", req.Way)
}

func nativeReachable(w Way, env func(string) string) bool {
	switch w {
	case X11:
		conn, err := dialX11(env("DISPLAY"))
		if err == nil {
			conn.Close()
		}
		return err == nil
	case Wayland:
		return waylandReachable(env("XDG_RUNTIME_DIR"), env("WAYLAND_DISPLAY"))
	}
	return false
}

package clipboard

import (
	"os/exec"
	"strings"
)

// tmux is a tmux command for the server that TMUX (socket,pid,session) names.
func tmux(server string, args ...string) *exec.Cmd {
	socket, _, _ := strings.Cut(server, ",")
	return exec.Command("tmux", append([]string{"-S", socket}, args...)...)
}

package clipboard

import (
	"io"

	"github.com/charmbracelet/x/ansi"
)

// osc52Set is the sequence that makes a terminal put text on its clipboard, fit
// for the multiplexer in between.
//
// It ends with BEL, which every terminal takes, and not with ST, which GNU screen
// would take for the end of its own wrapping.
func osc52Set(text string, env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(text), env)
}

// osc52Clear overwrites what is there and then empties it: some terminals take an
// empty text for "nothing to do", and with those a blank is left.
func osc52Clear(env func(string) string) string {
	return wrap(ansi.SetSystemClipboard(" ")+ansi.ResetSystemClipboard, env)
}

// screenLimit is how much GNU screen passes on in one piece: its MAXSTR is 768
// since 4.1, and was 256 before.
const screenLimit = 250

// wrap makes a sequence reach the terminal outside a multiplexer.
func wrap(seq string, env func(string) string) string {
	switch {
	case env("STY") != "":
		return ansi.ScreenPassthrough(seq, screenLimit)
	case env("TMUX") != "":
		// tmux forwards it by itself with set-clipboard on, and unread with
		// allow-passthrough on. Neither is its default; both may be set.
		return seq + ansi.TmuxPassthrough(seq)
	}
	return seq
}

// sendOSC52 writes a sequence in one piece, so that nothing comes between.
func sendOSC52(w io.Writer, seq string) error {
	_, err := io.WriteString(w, seq)
	return err
}

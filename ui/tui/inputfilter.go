package tui

import (
	"bytes"
	"regexp"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	pasteStart = "\x1b[200~"
	pasteEnd   = "\x1b[201~"

	// replyWait is how long to wait for the rest of a terminal's reply.
	replyWait = 2 * time.Second
	// replyLimit is longer than any reply, in bytes.
	replyLimit = 4 << 10
	// escTime is how long Bubble Tea waits before it takes a single ESC for the key.
	escTime = 40 * time.Millisecond
	// pasteIdle is how long a paste may pause before a key ends it.
	pasteIdle = 2 * time.Second
	// pasteLimit is the largest paste that is accepted, in bytes.
	pasteLimit = 1 << 20
	// keyLimit is longer than the sequence of any key, in bytes.
	keyLimit = 16
)

// inputFilter filters what comes from the terminal before Bubble Tea reads it. It
// joins a reply that arrives in pieces, so that no piece is typed into a field. It marks
// a credential that the terminal types as a paste, and it ends a paste that has no end
// mark, so that the keys work again.
type inputFilter struct {
	held    []byte    // the beginning of a reply whose rest has not come
	at      time.Time // when the last input came
	esc     bool      // the last input ended in an ESC
	paste   bool      // within a paste
	pasted  int       // size of the paste so far, in bytes
	dropped bool      // the rest of the paste is dropped, up to its end mark
	half    []byte    // the beginning of a paste's end mark
	partial []byte    // the beginning of a character at the end of a piece of a paste
}

// partialReply finds a reply that has begun at the end of the input: OSC, DCS, or a
// report of a mode, of a device or of the mouse; and the mark that begins a paste.
var partialReply = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b(?:[\]P][^\x07\x1b]*\x1b?|\[[?<][0-9;$]*|\[(?:2(?:00?)?)?)$`)
})

// lostReply is a reply whose ESC was mistaken for the key.
var lostReply = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\][0-9]+;[^\x07\x1b]*(?:\x07|\x1b\\)?|P[>01][^\x07\x1b]*(?:\x1b\\)?|\[\?[0-9;]*(?:\$?[a-z])?)`)
})

// filter returns what Bubble Tea should read instead of b.
func (f *inputFilter) filter(b []byte, now time.Time) []byte {
	if rest := pasteStart[1:]; f.esc && bytes.HasPrefix(b, []byte(rest)) {
		// The ESC before it has been passed on.
		f.esc = false
		if now.Sub(f.at) > escTime { // and was mistaken for the key
			return f.filter(append([]byte{ansi.ESC}, b...), now)
		}
		f.paste, f.pasted, f.dropped, f.at = true, 0, false, now
		return append([]byte(rest), f.filter(b[len(rest):], now)...)
	}
	inPaste := f.paste
	return f.keepInvalid(f.pass(b, now), inPaste)
}

// noCharacter replaces bytes in a paste that are not UTF-8. Bubble Tea would drop
// them silently, and a secret would be stored that is not the one that was pasted.
// It also replaces every ESC, which could begin a sequence that includes the end of
// the paste. A field for a secret refuses a control character.
const noCharacter = 0x01

// keepInvalid replaces bytes that are not UTF-8 and ESC with noCharacter, within a
// paste.
func (f *inputFilter) keepInvalid(b []byte, inPaste bool) []byte {
	if len(f.partial) > 0 {
		b = append(f.partial, b...)
		f.partial = nil
	}
	if !inPaste && !bytes.Contains(b, []byte(pasteStart)) {
		return b
	}
	var out []byte
	for i := 0; i < len(b); {
		rest := b[i:]
		mark := ""
		switch {
		case !inPaste && bytes.HasPrefix(rest, []byte(pasteStart)):
			mark, inPaste = pasteStart, true
		case inPaste && bytes.HasPrefix(rest, []byte(pasteEnd)):
			mark, inPaste = pasteEnd, false
		case inPaste && !utf8.FullRune(rest):
			f.partial = append([]byte(nil), rest...)
			return out
		}
		if mark != "" {
			out = append(out, mark...)
			i += len(mark)
			continue
		}
		r, size := utf8.DecodeRune(rest)
		if inPaste && (r == utf8.RuneError || r == ansi.ESC) {
			out = append(out, noCharacter)
		} else {
			out = append(out, rest[:size]...)
		}
		i += size
	}
	return out
}

// pass is filter without the check for UTF-8.
func (f *inputFilter) pass(b []byte, now time.Time) []byte {
	idle := now.Sub(f.at)
	f.at = now
	if f.paste {
		return f.inPaste(b, idle)
	}
	if len(f.held) > 0 {
		if idle <= replyWait && len(f.held) <= replyLimit {
			b = append(f.held, b...)
		}
		f.held = nil
	}
	if f.esc && idle > escTime && idle <= replyWait {
		b = b[len(lostReply().Find(b)):]
	}
	f.esc = len(b) > 0 && b[len(b)-1] == '\x1b'
	if typedPaste(b) {
		return slices.Concat([]byte(pasteStart), b, []byte(pasteEnd))
	}
	if i := bytes.LastIndex(b, []byte(pasteStart)); i >= 0 && !bytes.Contains(b[i:], []byte(pasteEnd)) {
		f.paste, f.pasted, f.dropped = true, len(b)-i, false
		return f.holdHalf(b)
	}
	if loc := partialReply().FindIndex(b); loc != nil && len(b)-loc[0] > 1 {
		f.held = append([]byte(nil), b[loc[0]:]...)
		f.esc = false
		return b[:loc[0]]
	}
	return b
}

// typedLeast is less than any text with a named credential, in bytes. No person types
// that much between two reads.
const typedLeast = 24

// typedPaste reports whether input that came at once is a text with a credential: a
// terminal without bracketed paste types what is pasted. On the list its letters would
// be keys, and in a field that is not hidden a secret would be shown.
func typedPaste(b []byte) bool {
	if len(b) < typedLeast || bytes.IndexByte(b, ansi.ESC) >= 0 {
		return false
	}
	return holdsCredential(string(b))
}

// inPaste passes a paste on until its end. If the paste has paused for long, the
// next key ends it. The rest of a paste that is too large is dropped.
func (f *inputFilter) inPaste(b []byte, idle time.Duration) []byte {
	held := f.half
	f.half = nil
	whole := append(held[:len(held):len(held)], b...)
	if idle > pasteIdle && len(b) <= keyLimit && !bytes.Contains(whole, []byte("\x1b[20")) {
		f.paste = false
		if f.dropped {
			return b
		}
		return append(append(held, pasteEnd...), b...)
	}
	f.pasted += len(b)
	if i := bytes.Index(whole, []byte(pasteEnd)); i >= 0 {
		f.paste = false
		if f.dropped {
			return whole[i+len(pasteEnd):]
		}
		return whole
	}
	out := f.holdHalf(whole)
	switch {
	case f.dropped:
		return nil
	case f.pasted > pasteLimit:
		f.dropped = true
		return append(out[:len(out):len(out)], pasteEnd...)
	}
	return out
}

// holdHalf keeps back the beginning of an end mark. Bubble Tea does not recognise
// one that comes in two pieces, and would take all further keys for part of the
// paste.
func (f *inputFilter) holdHalf(b []byte) []byte {
	for n := min(len(pasteEnd)-1, len(b)); n > 0; n-- {
		if rest := b[len(b)-n:]; bytes.HasPrefix([]byte(pasteEnd), rest) {
			f.half = append([]byte(nil), rest...)
			return b[: len(b)-n : len(b)-n]
		}
	}
	return b
}

// Package words is the text for people: the names of verdicts and stores, lengths
// of time, counts, clocks, and what to do about an error. Each kind of thing has
// one table or one function here, which every front end uses, so that the screen,
// plain mode and the commands say the same.
//
// # Errors
//
// An error of vault or kite says what failed, in facts. It names no key, no flag
// and no command. [NextStep] adds those for a front end, which knows whether the
// user has a screen or a command line ([Ways]).
//
// # Rules
//
// Texts are lower case and end without a full stop, so that a front end can put
// them in a line of their own or after a semicolon; [Sentence] turns one into a
// sentence. They hold no secret, and no control character from outside.
package words

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"kitekey/kite"
)

// Store returns a store's name in a sentence: "the keyring", "the file store". The
// keyring is the operating system's; the other stores are kitekey's.
func Store(name string) string {
	switch name {
	case "":
		return "the store"
	case "keyring":
		return "the keyring"
	}
	return "the " + name + " store"
}

// Environment returns an environment's name on a screen: live in capitals, so that
// it cannot be missed.
func Environment(e kite.Environment) string {
	if e == kite.Live {
		return "LIVE"
	}
	return string(e)
}

// Count writes "1 profile", "3 profiles".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Sentence gives text a capital letter and a full stop. Text that begins with a
// name, such as acme/live or api_key, keeps its first letter.
func Sentence(text string) string {
	if text == "" {
		return ""
	}
	text = Capital(text)
	if last, _ := utf8.DecodeLastRuneInString(text); !strings.ContainsRune(".?!…", last) {
		text += "."
	}
	return text
}

// Line returns text from outside as one line: without control characters, and with
// each run of white space as one space.
func Line(s string) string { return strings.Join(strings.Fields(kite.CleanText(s)), " ") }

// Capital gives text a capital letter, unless it begins with a name such as
// acme/live or api_key.
func Capital(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if strings.ContainsFunc(first, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("',.;?!", r) }) {
		return text
	}
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:]
}

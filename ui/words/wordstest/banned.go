// Package wordstest knows the words that kitekey does not use for things that have
// another name, for tests of what people read.
package wordstest

import (
	"fmt"
	"regexp"
	"strings"
)

// banned are the words not to be met, with what to say instead. A match that also
// matches one of except is fine.
var banned = []struct {
	words  *regexp.Regexp
	say    string
	except *regexp.Regexp // looked for around the match
}{
	{re(`\bkey[- ]pairs?\b`), "credential", nil},
	{re(`\bpairs?\b`), "credential", nil},
	{re(`\b(kept|keeps|live cached|live) tokens?\b`), "cached token, unexpired token", nil},
	{re(`\balive\b`), "unexpired", re(`(keep|keeps|keeping|kept|keep a token|keep one token|token is kept|tokens are kept|it is kept)[- ]alive`)},
	{re(`\bformer\b|\bthe present (one|credential)`), "previous; current", nil},
	{re(`\bcredential (that )?waits\b|\bwaiting credential\b`), "staged", nil},
	{re(`\bmend(s|ed|ing)?\b`), "fix, repair", nil},
	{re(`\bproven\b`), "verified", nil},
	{re(`\btak(e|es|en|ing) (it|them) back\b|\bis taken back\b|\btaken back\b|\btaken (back )?out of the clipboard\b`), "clear", nil},
	{re(`\bdrop(s|ped)? (the |a |its |cached |kept )*tokens?\b|\btokens? (was |were )?dropped\b`), "forget", nil},
	{re(`\bdelet(e|es|ed|ing) (a |the |this |that )?profiles?\b`), "remove", nil},
	{re(`\b(nobody|somebody|whoever|anybody)\b`), "a noun for who it is", nil},
	{re(`\b(is|are|was|were) (no|none)\b`), "is not", re(`\b([Tt]here|[Tt]here's) (is|are|was|were) (no|none)\b|(is|are|was|were) (no|none) (longer|left)|\bwhere (is|are)`)},
	{re(`\bdead (token|connection)s?\b|\bdies\b|\btoken'?s (life|death)\b`), "expired, expires", nil},
	{re(`\bhave a look\b|\bin order\b`), "check", nil},
	{re(`\bto be had\b|\bis to become of\b|\bsay with\b`), "a plain verb", nil},
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// around is how much of the text before and after a match an exception sees.
const around = 24

// Find returns what is wrong with a text that people read, one line for each
// place.
func Find(text string) []string {
	text = strings.Join(strings.Fields(text), " ")
	var found []string
	for _, b := range banned {
		for _, at := range b.words.FindAllStringIndex(text, -1) {
			context := text[max(0, at[0]-around):min(len(text), at[1]+around)]
			if b.except != nil && b.except.MatchString(context) {
				continue
			}
			found = append(found, fmt.Sprintf("%q (say: %s) in %q", text[at[0]:at[1]], b.say, strings.ToValidUTF8(context, "")))
		}
	}
	return found
}

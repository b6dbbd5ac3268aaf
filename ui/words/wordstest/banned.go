// Package wordstest has the words that kitekey does not use because it has others
// for the same things. Tests check text for people with it.
package wordstest

import (
	"fmt"
	"regexp"
	"strings"
)

// banned has the words, and what to say instead. A match is allowed if the text
// around it matches except.
var banned = []struct {
	words  *regexp.Regexp
	say    string
	except *regexp.Regexp // matched against the text around the match
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
	{re(`\b(nobody|somebody|someone|whoever|anybody)\b`), "a noun for who it is", nil},
	{re(`\b(is|are|was|were) (no|none)\b`), "is not", re(`\b([Tt]here|[Tt]here's) (is|are|was|were) (no|none)\b|(is|are|was|were) (no|none) (longer|left)|\bwhere (is|are)`)},
	{re(`\bdead (token|connection)s?\b|\bdies\b|\btoken'?s (life|death)\b`), "expired, expires", nil},
	{re(`\bblanks?\b`), "space", nil},
	{re(`\bjudged?\b`), "verify, verified", nil},
	{re(`\bdrop(s|ped|ping)? (the )?(previous|staged|credential)\b|\bcredential (is|was) dropped\b`), "delete", nil},
	{re(`\btaken for\b`), "treated as, assumed", nil},
	{re(`\bif it stays\b|\bthe same again\b|\ball the same\b|\bno way back\b`), "a plain verb", nil},
	{re(`\bhave a look\b|\bin order\b`), "check", nil},
	{re(`\bto be had\b|\bis to become of\b|\bsay with\b`), "a plain verb", nil},
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// around is how many bytes of the text before and after a match an exception sees.
const around = 24

// Find returns the banned words in a text, one line for each.
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

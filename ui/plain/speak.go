package plain

import (
	"strings"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// speak returns the name of a profile so that a listener cannot miss live.
func speak(s vault.Selector) string {
	return s.Account + " " + words.Environment(s.Environment)
}

func speakAll(profiles []vault.Profile) string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = speak(p.Selector)
	}
	return strings.Join(names, ", ")
}

// ways returns what plain mode tells the user to type.
func ways() words.Ways {
	return words.Ways{
		Verify: "type verify", Rotate: "type rotate", Remove: "type remove", Add: "type add", List: "type list", Doctor: `"kitekey doctor"`,
	}
}

// state returns a profile's verdict and token as half a sentence: "works, token
// unexpired for another 4 min 10 s".
func (c *conversation) state(p vault.Profile) string {
	text := words.Verdict(p.Verdict, p.Store).Word
	if p.Staged {
		text += ", a credential is staged"
	}
	if token := c.life(p); token != "" {
		text += ", " + token
	}
	if c.keep.ID == p.ID {
		text += ", kept alive"
	}
	return text
}

// life says how long the profile's token lives, "" if there is none.
func (c *conversation) life(p vault.Profile) string {
	switch state := words.TokenStateOf(p.Token, c.now()); state {
	case words.NoToken:
		return ""
	case words.Expired:
		return "token expired"
	case words.Fresh:
		return "token unexpired for another " + words.Duration(p.Token.Remaining(c.now()))
	default:
		return "token " + state.String() + ", for another " + words.Duration(p.Token.Remaining(c.now()))
	}
}

// sayTotals says in a few sentences how many profiles there are and in what state,
// however many there are.
func (c *conversation) sayTotals() {
	if len(c.profiles) == 0 {
		c.say("No profiles yet. Type add to add one, or help.")
		return
	}
	live, unexpired := 0, 0
	count := map[vault.Verdict]int{}
	for _, p := range c.profiles {
		if p.Environment == kite.Live {
			live++
		}
		if p.Token.Unexpired(c.now()) {
			unexpired++
		}
		count[p.Verdict]++
	}
	c.say("%s, %d of them LIVE. %s.", words.Count(len(c.profiles), "profile"), live, strings.Join(words.Tally(count), ", "))
	if unexpired > 0 {
		c.say("%s unexpired.", words.Count(unexpired, "token"))
	}
	c.say("Type list to hear them, a profile's number or name to choose it, or help.")
}

// list reads profiles out. A profile keeps its number under every filter.
func (c *conversation) list(filter string) {
	if len(c.profiles) == 0 {
		c.say("No profiles yet. Type add to add one.")
		return
	}
	said := 0
	for i, p := range c.profiles {
		if !c.matches(p, filter) {
			continue
		}
		name := speak(p.Selector)
		if p.Label != "" {
			name += ", " + p.Label
		}
		c.say("%d: %s, %s.", i+1, name, c.state(p))
		said++
	}
	if said == 0 {
		c.say("No profile matches %q.", words.Line(filter))
	}
}

// matches reports whether a filter selects a profile.
func (c *conversation) matches(p vault.Profile, filter string) bool {
	return words.Matches(words.Terms(filter), &p, words.FilterText(&p), c.now())
}

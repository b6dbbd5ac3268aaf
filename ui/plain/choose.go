package plain

import (
	"slices"
	"strconv"
	"strings"

	"kitekey/kite"
	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
)

// choose makes the profile that text names the chosen one and says so, or says why
// it cannot.
func (c *conversation) choose(text string) {
	if c.reach(text) {
		if p, ok := c.current(); ok {
			c.say("%s, %s.", speak(c.chosen), c.state(p))
		}
	}
}

// reach makes the profile that text names the chosen one, or says why it cannot.
func (c *conversation) reach(text string) bool {
	found := c.find(text)
	switch len(found) {
	case 1:
		c.chosen = found[0].Selector
		return true
	case 0:
		near := c.near(text)
		if len(near) == 0 {
			c.sayNotUnderstood(text)
			return false
		}
		c.say("There is no profile or command %q. Did you mean %s?", words.Line(text), speakAll(near))
	default:
		c.say("%q means %d profiles: %s. Type the one you mean.", words.Line(text), len(found), speakAll(found))
	}
	return false
}

// sayNotUnderstood says that text is neither a profile nor a command. It does not
// repeat what may be a secret.
func (c *conversation) sayNotUnderstood(text string) {
	const short = 24 // an api_key is longer
	paste, named, err := prompt.ReadPaste(kite.NewSecret(text), vault.Selector{})
	paste.Erase()
	what := "That"
	if len(text) <= short && !named {
		what = strconv.Quote(words.Line(text))
	}
	switch {
	case named && err == nil:
		c.say("That line holds a credential, and the terminal shows it. Type add or rotate, and paste it when you are asked: there it is not shown.")
	case strings.TrimSpace(words.Line(text)) == "":
		c.say("Arrow keys and the like do nothing here. Type list or help.")
	case words.Line(text) != text:
		c.say("%s is neither a profile nor a command. Arrow keys and the like, which were typed with it, do nothing here. Type list or help.", what)
	default:
		c.say("%s is neither a profile nor a command. Type list or help.", what)
	}
}

// find returns the profiles that text names: its number in the list, "acme/live",
// "acme live", "ACME/LIVE", "acme" for its sandbox, or its label.
func (c *conversation) find(text string) []vault.Profile {
	if n, err := strconv.Atoi(text); err == nil {
		if n >= 1 && n <= len(c.profiles) {
			return c.profiles[n-1 : n]
		}
		return nil
	}
	name := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, env := range kite.Environments {
		if account, ok := strings.CutSuffix(name, " "+string(env)); ok {
			if found := c.named(vault.Selector{Account: account, Environment: env}); found != nil {
				return found
			}
			// A label and an environment: "acme stores ltd live".
			return c.where(func(p vault.Profile) bool {
				return p.Environment == env && words.Fold(p.Label) == words.Fold(account)
			})
		}
	}
	if sel, err := vault.ParseSelector(name); err == nil {
		if found := c.named(sel); found != nil {
			return found
		}
	}
	return c.where(func(p vault.Profile) bool { return p.Label != "" && words.Fold(p.Label) == words.Fold(name) })
}

func (c *conversation) named(sel vault.Selector) []vault.Profile {
	return c.where(func(p vault.Profile) bool { return p.Selector == sel })
}

func (c *conversation) where(fits func(vault.Profile) bool) []vault.Profile {
	var found []vault.Profile
	for _, p := range c.profiles {
		if fits(p) {
			found = append(found, p)
		}
	}
	return found
}

// near returns at most three profiles that text may have meant.
func (c *conversation) near(text string) []vault.Profile {
	name, _, _ := strings.Cut(strings.ToLower(strings.Join(strings.Fields(text), " ")), "/")
	if len(name) < 2 {
		return nil
	}
	found := c.where(func(p vault.Profile) bool {
		return strings.Contains(p.Account, name) || strings.Contains(words.Fold(p.Label), words.Fold(name)) ||
			slices.Contains(strings.Fields(name), p.Account)
	})
	return found[:min(len(found), 3)]
}

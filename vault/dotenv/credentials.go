package dotenv

import (
	"cmp"
	"strings"

	"kitekey/kite"
	"kitekey/vault"
)

// place identifies a credential while its halves are put together.
type place struct {
	group, account string
	env            kite.Environment
}

type halves struct{ key, secret *variable }

// collection is what has been found in a text.
type collection struct {
	Result
	found map[place]*halves
	order []place
	about map[string]map[role]string // what a group says about itself
}

// credentialsIn puts the halves of credentials together.
func credentialsIn(fields []variable) (Result, error) {
	c := collection{found: map[place]*halves{}, about: map[string]map[role]string{}}
	promoteWeak(fields)
	for i := range fields {
		if err := c.take(&fields[i]); err != nil {
			return c.Result, err
		}
	}
	for _, at := range join(c.found, c.order) {
		p := c.found[at]
		if alone := cmp.Or(p.key, p.secret); (p.key == nil || p.secret == nil) && !alone.strong { // a "secret" of something else
			c.Ignored = append(c.Ignored, kite.CleanText(alone.name))
			continue
		}
		e, err := c.entry(at, *p)
		if err != nil {
			return c.Result, err
		}
		c.Entries = append(c.Entries, e)
	}
	if len(c.Entries) == 0 {
		return c.Result, vault.BadInput(ErrNoCredential)
	}
	return c.Result, nil
}

// take puts a variable to the others: half of a credential, or what a group says
// about itself.
func (c *collection) take(f *variable) error {
	r := f.parseName(f.group != "")
	r.role = cmp.Or(f.promoted, r.role)
	switch r.role {
	case roleKey, roleSecret:
		return c.takeHalf(f, r)
	case roleAccount, roleEnvironment, roleLabel:
		if c.about[f.group] == nil {
			c.about[f.group] = map[role]string{}
		}
		c.about[f.group][r.role] = f.value
	case roleNone:
		if looksLikeKey(f.name) {
			c.Ignored = append(c.Ignored, kite.CleanText(f.name))
		}
	}
	return nil
}

// takeHalf takes half of a credential. It fails if the value is not what the
// gateway gave, or differs from the same half's before it.
func (c *collection) takeHalf(f *variable, r parsedName) error {
	if r.both {
		return badInput("%s says sandbox and live", kite.CleanText(f.name))
	}
	if f.value == "" && f.ambiguity == "" { // a form to be filled in
		return nil
	}
	if f.ambiguity = cmp.Or(Placeholder(trim(f.value)), f.ambiguity); f.ambiguity != "" {
		return badInput("%s %s", kite.CleanText(f.name), f.ambiguity)
	}
	f.strong = r.strong
	at := place{f.group, r.account, r.env}
	if c.found[at] == nil {
		c.found[at], c.order = &halves{}, append(c.order, at)
	}
	half := &c.found[at].key
	if r.role == roleSecret {
		half = &c.found[at].secret
	}
	if *half != nil && (*half).value != f.value {
		return badInput("%s and %s are the same half of a credential, with different values", kite.CleanText((*half).name), kite.CleanText(f.name))
	}
	*half = f
	return nil
}

// promoteWeak takes "Secret" for the api_secret beside an "API key", and "Key" and
// "Secret" for the two halves, if a text has no better names.
func promoteWeak(fields []variable) {
	var sure, weak [roleSecret + 1][]*variable
	for i := range fields {
		f := &fields[i]
		r := f.parseName(f.group != "")
		switch {
		case r.role == roleKey || r.role == roleSecret:
			sure[r.role] = append(sure[r.role], f)
		case r.weak && strings.HasPrefix(strings.ToLower(words(f.name)[0]), "secret"):
			weak[roleSecret] = append(weak[roleSecret], f)
		case r.weak:
			weak[roleKey] = append(weak[roleKey], f)
		}
	}
	for half, other := range map[role]role{roleKey: roleSecret, roleSecret: roleKey} {
		if len(sure[half]) == 0 && len(weak[half]) == 1 && len(sure[other]) <= 1 && (len(sure[other]) == 1 || len(weak[other]) == 1) {
			weak[half][0].promoted = half
		}
	}
}

// join makes one credential of two single halves in different objects, like the
// header and the body of a request.
func join(found map[place]*halves, order []place) []place {
	if len(order) != 2 || order[0].account != order[1].account && order[0].account != "" && order[1].account != "" || order[0].env != order[1].env {
		return order
	}
	a, b := found[order[0]], found[order[1]]
	if order[0].group == order[1].group || (a.key == nil) == (b.key == nil) || (a.secret == nil) == (b.secret == nil) {
		return order
	}
	a.key, a.secret = cmp.Or(a.key, b.key), cmp.Or(a.secret, b.secret)
	return order[:1]
}

// said returns what a group, or one around it, says about itself.
func (c *collection) said(group string, what role) string {
	for {
		if text := c.about[group][what]; text != "" || group == "" {
			return text
		}
		group = outer(group)
	}
}

// entry makes an entry of one or two halves.
func (c *collection) entry(at place, h halves) (e Entry, err error) {
	e.Account = cmp.Or(at.account, c.said(at.group, roleAccount))
	if e.Account != "" {
		if err := vault.ValidAccount(e.Account); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Environment = at.env; e.Environment == "" {
		if word := c.said(at.group, roleEnvironment); word == "" {
			// the text does not say
		} else if e.Environment, err = environmentWord(word); err != nil {
			return e, vault.BadInput(err)
		}
	}
	if e.Label, err = vault.CleanLabel(c.said(at.group, roleLabel)); err != nil {
		return e, err
	}
	// While one half is missing, the other is checked with a stand-in.
	key, secret := "-", "-"
	if h.key != nil {
		key, e.names[0] = h.key.value, kite.CleanText(h.key.name)
	}
	if h.secret != nil {
		secret, e.names[1] = h.secret.value, kite.CleanText(h.secret.name)
	}
	cred, trimmed, err := kite.ParseCredential(key, secret)
	if err != nil {
		return e, badInput("%s: %w", e.subject(), err)
	}
	c.Trimmed = c.Trimmed || trimmed
	if h.key != nil {
		e.APIKey = cred.APIKey
	}
	if h.secret != nil {
		e.APISecret = cred.APISecret
	}
	return e, nil
}

// subject names the variables that an entry came from.
func (e Entry) subject() string {
	switch {
	case e.names[0] == "":
		return e.names[1]
	case e.names[1] == "":
		return e.names[0]
	}
	return e.names[0] + " and " + e.names[1]
}

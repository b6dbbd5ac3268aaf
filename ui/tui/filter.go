package tui

import (
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// row is one line of the list: a profile, and the bytes of its account's name that
// match the filter letter by letter.
type row struct {
	profile int
	fuzzy   []int
}

// searchText is the text that the filter searches: the words in the row.
type searchText struct {
	text    string // in lower case
	failing bool
}

// buildSearchText makes the search texts, one per profile.
func (l *list) buildSearchText() {
	l.texts = l.texts[:0]
	for i := range l.profiles {
		p := &l.profiles[i]
		w := words.Verdict(p.Verdict, p.Store)
		text := strings.Join([]string{p.Account, string(p.Environment), string(p.State), w.Word, w.Short, p.Label, l.reasons[p.ID]}, "\n")
		l.texts = append(l.texts, searchText{strings.ToLower(text), w.Class == words.Bad || w.Class == words.Doubtful})
	}
}

// filterTerm is one word of the filter.
type filterTerm struct {
	text string // in lower case
	not  bool   // "!word" excludes
}

// has reports whether a profile matches the term. "failing", "unexpired", "live"
// and "sandbox" select what they say; any other word must be in the row.
func (t filterTerm) has(p *vault.Profile, s *searchText, now time.Time) bool {
	switch t.text {
	case "failing":
		return s.failing != t.not
	case "unexpired":
		return p.Token.Unexpired(now) != t.not
	case "live", "sandbox":
		return (p.Environment == kite.Environment(t.text)) != t.not
	}
	return strings.Contains(s.text, t.text) != t.not
}

func parseFilter(text string) []filterTerm {
	var terms []filterTerm
	for _, word := range strings.Fields(strings.ToLower(text)) {
		rest, not := strings.CutPrefix(word, "!")
		if rest != "" {
			terms = append(terms, filterTerm{rest, not})
		}
	}
	return terms
}

func (l *list) filtered() bool { return l.filter.Value() != "" }

func (l *list) clearFilter(now time.Time) {
	l.filter.SetValue("")
	l.keepChosen(now)
}

// match sets the rows to the profiles that match every term, in the list's order.
// If there are none, the words that no row has are searched letter by letter in the
// accounts' names.
func (l *list) match(now time.Time) {
	l.terms = parseFilter(l.filter.Value())
	l.rows = l.rows[:0]
	l.matchTerms(l.terms, nil, now)
	if len(l.rows) > 0 || len(l.terms) == 0 {
		return
	}
	var literal, loose []filterTerm
	for _, t := range l.terms {
		found := t.not
		for i := 0; i < len(l.profiles) && !found; i++ {
			found = t.has(&l.profiles[i], &l.texts[i], now)
		}
		if found {
			literal = append(literal, t)
		} else {
			loose = append(loose, t)
		}
	}
	if len(loose) > 0 {
		l.matchTerms(literal, loose, now)
	}
}

func (l *list) matchTerms(literal, loose []filterTerm, now time.Time) {
profiles:
	for i := range l.profiles {
		for _, t := range literal {
			if !t.has(&l.profiles[i], &l.texts[i], now) {
				continue profiles
			}
		}
		r := row{profile: i}
		for _, t := range loose {
			found := fuzzy.FindNoSort(t.text, []string{l.profiles[i].Account})
			if len(found) == 0 {
				continue profiles
			}
			r.fuzzy = append(r.fuzzy, found[0].MatchedIndexes...)
		}
		l.rows = append(l.rows, r)
	}
}

// found returns the positions of the filter's words in a text, in bytes.
func (l *list) found(text string) []int {
	if len(l.terms) == 0 || text == "" {
		return nil
	}
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		lower = text // the positions would not fit
	}
	var at []int
	for _, t := range l.terms {
		if t.not {
			continue
		}
		for from := 0; ; {
			i := strings.Index(lower[from:], t.text)
			if i < 0 {
				break
			}
			for j := range len(t.text) {
				at = append(at, from+i+j)
			}
			from += i + max(len(t.text), utf8.RuneLen(' '))
		}
	}
	return at
}

func (a *app) startFilter() tea.Cmd {
	a.list.typing = true
	a.detail = detail{}
	return a.list.filter.Focus()
}

// filterKey handles a key while the filter has the keys. The arrows still move the
// cursor.
func (l *list) filterKey(msg tea.Msg, now time.Time) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "enter", "tab":
			l.typing = false
			l.filter.Blur()
			return nil
		case "esc":
			l.typing = false
			l.filter.Blur()
			l.clearFilter(now)
			return nil
		case "up", "ctrl+p":
			l.moveBy(-1)
			return nil
		case "down", "ctrl+n":
			l.moveBy(1)
			return nil
		case "pgup":
			l.moveBy(-l.page)
			return nil
		case "pgdown":
			l.moveBy(l.page)
			return nil
		}
	}
	before := l.filter.Value()
	var cmd tea.Cmd
	l.filter, cmd = l.filter.Update(msg)
	if l.filter.Value() != before {
		l.cursor, l.top = 0, 0
		l.refilter(now)
	}
	return cmd
}

func filterHints() []hint {
	return []hint{{"enter", "use"}, {"↑ ↓", "choose"}, {"!word", "leaves out"}, {"failing", "live, unexpired are words"}, {"esc", "clear"}}
}

func (a *app) changeOrder() {
	a.list.sortBy = (a.list.sortBy + 1) % orders
	a.list.keepChosen(a.now)
	a.notify(info, "ordered "+a.list.order())
}

// otherEnvironment chooses the same account's other profile, and clears a filter
// that hides it.
func (a *app) otherEnvironment() {
	p := a.chosen()
	if other := a.list.otherEnvironment(p); other != nil {
		a.list.reach(other.ID, a.now)
		return
	}
	a.notices.show(notice{kind: info, id: p.ID, keys: "a", text: p.Account + " has no other environment: a adds one"}, a.now)
}

package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"kitekey/ui/words"
)

// row is one line of the list: a profile, and the bytes of its account's name that
// match the filter letter by letter.
type row struct {
	profile int
	fuzzy   []int
}

// buildSearchText makes the texts that the filter searches, one per profile, at the
// first filter after the profiles have changed: a thousand take some milliseconds.
func (l *list) buildSearchText() {
	if len(l.texts) > 0 {
		return
	}
	for i := range l.profiles {
		p := &l.profiles[i]
		l.texts = append(l.texts, words.FilterText(p, string(p.State), l.reasons[p.ID]))
	}
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
	l.terms = words.Terms(l.filter.Value())
	l.rows = l.rows[:0]
	if len(l.terms) == 0 {
		for i := range l.profiles {
			l.rows = append(l.rows, row{profile: i})
		}
		return
	}
	l.buildSearchText()
	l.matchTerms(l.terms, nil, now)
	if len(l.rows) > 0 {
		return
	}
	var literal, loose []words.Term
	for _, t := range l.terms {
		found := t.Not
		for i := 0; i < len(l.profiles) && !found; i++ {
			found = t.Has(&l.profiles[i], l.texts[i], now)
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

func (l *list) matchTerms(literal, loose []words.Term, now time.Time) {
profiles:
	for i := range l.profiles {
		if !words.Matches(literal, &l.profiles[i], l.texts[i], now) {
			continue
		}
		r := row{profile: i}
		for _, t := range loose {
			found := fuzzy.FindNoSort(t.Text, []string{l.profiles[i].Account})
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
	folded, original := words.FoldAt(text)
	var at []int
	for _, t := range l.terms {
		if t.Not {
			continue
		}
		for part := range strings.SplitSeq(t.Text, "/") { // of a selector, each in its column
			for from := 0; part != ""; {
				i := strings.Index(folded[from:], part)
				if i < 0 {
					break
				}
				for j := from + i; j < from+i+len(part); j++ {
					if original != nil {
						at = append(at, original[j])
					} else {
						at = append(at, j)
					}
				}
				from += i + len(part)
			}
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
	return []hint{{"enter", "use"}, {"↑ ↓", "choose"}, {"!", "leaves out a word"}, {"failing live unexpired", "filter by state"}, {"esc", "clear"}}
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
	if other := a.list.named(p.Elsewhere()); other != nil {
		a.list.reach(other.ID, a.now)
		return
	}
	a.notices.show(notice{kind: info, id: p.ID, keys: "a", text: p.Account + " has no other environment: a adds one"}, a.now)
}

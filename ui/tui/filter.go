package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"kitekey/ui/words"
)

// row is one line of the list: a profile and which bytes of its search text the
// filter matched.
type row struct {
	profile int
	matches []int
}

// buildSearchText makes the text that the filter looks at: account, environment,
// verdict and label, with blanks between, so that matches can be mapped back to
// the columns.
func (l *list) buildSearchText() {
	l.texts = l.texts[:0]
	for i := range l.profiles {
		p := &l.profiles[i]
		l.texts = append(l.texts, p.Account+" "+string(p.Environment)+" "+words.Verdict(p.Verdict, p.Store).Word+" "+p.Label)
	}
}

func (l *list) filtered() bool { return l.filter.Value() != "" }

func (l *list) clearFilter(now time.Time) {
	l.filter.SetValue("")
	l.keepChosen(now)
}

// refilter makes the rows anew from the filter and the order.
func (l *list) refilter(now time.Time) {
	l.rows = l.rows[:0]
	terms := strings.Fields(l.filter.Value())
	if len(terms) == 0 {
		for i := range l.profiles {
			l.rows = append(l.rows, row{profile: i})
		}
	} else {
		l.rows = match(terms, l.texts)
	}
	switch {
	case l.tokensOnly:
		l.rows = slices.DeleteFunc(l.rows, func(r row) bool { return !l.profiles[r.profile].Token.Unexpired(now) })
		slices.SortStableFunc(l.rows, func(x, y row) int {
			return l.profiles[x.profile].Token.Deadline.Compare(l.profiles[y.profile].Token.Deadline)
		})
	case l.byLastUse && len(terms) == 0:
		slices.SortStableFunc(l.rows, func(x, y row) int {
			return l.profiles[y.profile].LastUsed.Compare(l.profiles[x.profile].LastUsed)
		})
	}
	l.moveBy(0)
}

// match finds the texts that every term matches fuzzily, best first.
func match(terms []string, texts []string) []row {
	type hit struct {
		row
		score int
	}
	hits := make([]hit, len(texts))
	for i := range hits {
		hits[i].profile = i
	}
	for n, term := range terms {
		left := texts
		if n > 0 {
			left = make([]string, len(hits))
			for i, h := range hits {
				left[i] = texts[h.profile]
			}
		}
		found := fuzzy.FindNoSort(term, left)
		next := make([]hit, len(found))
		for i, m := range found {
			h := hits[m.Index]
			matches := m.MatchedIndexes
			if n > 0 {
				matches = append(h.matches, matches...)
			}
			next[i] = hit{row{h.profile, matches}, h.score + m.Score}
		}
		hits = next
	}
	slices.SortFunc(hits, func(x, y hit) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.profile, y.profile))
	})
	rows := make([]row, len(hits))
	for i, h := range hits {
		rows[i] = h.row
	}
	return rows
}

func (a *app) startFilter() tea.Cmd {
	a.list.typing = true
	a.detail = detail{}
	return a.list.filter.Focus()
}

// filterKey handles a key while the filter has them. The arrows still move, so
// that one can type, glance, and go.
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
	return []hint{{"enter", "use"}, {"↑ ↓", "choose"}, {"esc", "clear"}}
}

func (a *app) changeOrder() {
	a.list.byLastUse = !a.list.byLastUse
	a.list.keepChosen(a.now)
	if a.list.byLastUse {
		a.notify(info, "ordered by last use")
		return
	}
	a.notify(info, "ordered by name")
}

// otherEnvironment goes to the same account's other profile, dropping a filter
// that hides it.
func (a *app) otherEnvironment() {
	p := a.chosen()
	if other := a.list.otherEnvironment(p); other != nil {
		a.list.reach(other.ID, a.now)
		return
	}
	a.notify(info, p.Account+" has no other environment: a adds one")
}

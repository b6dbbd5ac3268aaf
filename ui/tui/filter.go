package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"kitekey/ui/words"
)

// row is one line of the list: a profile and which bytes of its search text the
// filter matched.
type row struct {
	profile int
	marks   []int
}

// The search text of a profile is its account, environment, verdict and label,
// with blanks between, so that marks can be mapped back to the columns.
func (a *app) index() {
	a.texts = a.texts[:0]
	for i := range a.profiles {
		p := &a.profiles[i]
		a.texts = append(a.texts, p.Account+" "+string(p.Environment)+" "+words.Verdict(p.Verdict, p.Store).Word+" "+p.Label)
	}
	a.refilter()
}

// refilter makes the rows anew from the filter, the order and the board.
func (a *app) refilter() {
	a.rows = a.rows[:0]
	terms := strings.Fields(a.filter.Value())
	if len(terms) == 0 {
		for i := range a.profiles {
			a.rows = append(a.rows, row{profile: i})
		}
	} else {
		a.rows = match(terms, a.texts)
	}
	switch {
	case a.board:
		a.rows = slices.DeleteFunc(a.rows, func(r row) bool { return !a.profiles[r.profile].Token.Unexpired(a.now) })
		slices.SortStableFunc(a.rows, func(x, y row) int {
			return a.profiles[x.profile].Token.Deadline.Compare(a.profiles[y.profile].Token.Deadline)
		})
	case a.byUse && len(terms) == 0:
		slices.SortStableFunc(a.rows, func(x, y row) int {
			return a.profiles[y.profile].LastUsed.Compare(a.profiles[x.profile].LastUsed)
		})
	}
	a.cursor = max(min(a.cursor, len(a.rows)-1), 0)
	a.scroll()
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
			marks := m.MatchedIndexes
			if n > 0 {
				marks = append(h.marks, marks...)
			}
			next[i] = hit{row{h.profile, marks}, h.score + m.Score}
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
	a.typing, a.detail = true, false
	return a.filter.Focus()
}

// filterKey handles a key while the filter has them. The arrows still move, so
// that one can type, glance, and go.
func (a *app) filterKey(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "enter", "tab":
			a.typing = false
			a.filter.Blur()
			return nil
		case "esc":
			a.typing = false
			a.filter.Blur()
			a.filter.SetValue("")
			a.keepChosen()
			return nil
		case "up", "ctrl+p":
			return a.move(-1)
		case "down", "ctrl+n":
			return a.move(1)
		case "pgup":
			return a.move(-a.page())
		case "pgdown":
			return a.move(a.page())
		}
	}
	before := a.filter.Value()
	var cmd tea.Cmd
	a.filter, cmd = a.filter.Update(msg)
	if a.filter.Value() != before {
		a.cursor, a.top = 0, 0
		a.refilter()
	}
	return cmd
}

func filterHints() []hint {
	return []hint{{"enter", "use"}, {"↑ ↓", "choose"}, {"esc", "drop"}}
}

func (a *app) changeOrder() tea.Cmd {
	a.byUse = !a.byUse
	a.keepChosen()
	if a.byUse {
		return a.say(info, "ordered by last use")
	}
	return a.say(info, "ordered by name")
}

func (a *app) toggleBoard() tea.Cmd {
	a.board = !a.board
	a.keepChosen()
	return nil
}

// keepChosen makes the rows anew and stays on the profile that was chosen.
func (a *app) keepChosen() {
	id := ""
	if p := a.chosen(); p != nil {
		id = p.ID
	}
	a.refilter()
	a.choose(id)
}

// otherEnvironment goes to the same account's other profile, dropping a filter
// that hides it.
func (a *app) otherEnvironment() tea.Cmd {
	p := a.chosen()
	for i := range a.profiles {
		other := &a.profiles[i]
		if other.Account != p.Account || other.Environment == p.Environment {
			continue
		}
		id := other.ID
		if !a.choose(id) {
			a.filter.SetValue("")
			a.board = false
			a.refilter()
			a.choose(id)
		}
		return nil
	}
	return a.say(info, p.Account+" has no other environment: a adds one")
}

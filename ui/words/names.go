package words

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Names are the names of all accounts, and how they are cut to each width. The zero
// value knows no name and keeps the beginning of each.
type Names struct {
	all  []string
	cuts map[int]nameCut
}

// Set replaces the names, n of them. It keeps what is known of them if they are the same.
func (ns *Names) Set(n int, name func(i int) string) {
	all := make([]string, n)
	for i := range all {
		all[i] = name(i)
	}
	slices.Sort(all)
	if all = slices.Compact(all); !slices.Equal(all, ns.all) {
		*ns = Names{all: all, cuts: map[int]nameCut{}}
	}
}

// Short shortens an account's name to at most w cells, as m measures them, so that
// different ones stay different. more stands for what is left out, in one cell.
func (ns *Names) Short(m ansi.Method, s string, w int, more string) string {
	switch {
	case w <= 0:
		return ""
	case m.StringWidth(s) <= w:
		return s
	case w == 1 || ns.cuts == nil:
		return m.Truncate(s, w, "")
	}
	cut, ok := ns.cuts[w]
	if !ok {
		cut = ns.bestCut(m, w)
		ns.cuts[w] = cut
	}
	return cut.apply(m, s, w, more)
}

// ShortSelector is Short for a selector. The environment is never cut.
func (ns *Names) ShortSelector(s string, w int, more string) string {
	account, env, _ := strings.Cut(s, "/")
	if env != "" {
		env = "/" + env
	}
	return ns.Short(ansi.WcWidth, account, w-len(env), more) + env
}

// nameCut is how names that are too long are cut: how many cells of the beginning are
// kept, and from which cell on more is, -1 for the end of the name.
type nameCut struct{ head, from int }

// apply shortens s, which is longer, to w cells.
func (n nameCut) apply(m ansi.Method, s string, w int, more string) string {
	rest, long := w-1-n.head, m.StringWidth(s)
	if n.from < 0 || n.from+rest >= long {
		return m.Truncate(s, n.head, "") + more + m.TruncateLeft(s, long-rest, "")
	}
	return m.Truncate(s, n.head, "") + more + m.Truncate(m.TruncateLeft(s, n.from, ""), rest-1, "") + more
}

// bestCut returns the cut to w cells after which most of the names that are too long
// differ from each other. It prefers the beginning and the end of a name, in equal
// parts, to a part from its middle.
func (ns *Names) bestCut(m ansi.Method, w int) nameCut {
	const enough = 300 // names to look at, from all over the list: more would take too long
	var long []string
	longest := 0
	for i := 0; i < len(ns.all); i += 1 + len(ns.all)/enough {
		if n := m.StringWidth(ns.all[i]); n > w {
			long, longest = append(long, ns.all[i]), max(longest, n)
		}
	}
	best, most := nameCut{w / 2, -1}, 0
	try := func(cut nameCut) {
		if cut.head < 0 || cut.head >= w || most == len(long) {
			return
		}
		seen := make(map[string]bool, len(long))
		for _, s := range long {
			seen[cut.apply(m, s, w, "…")] = true
		}
		if len(seen) > most {
			best, most = cut, len(seen)
		}
	}
	for i := range w {
		try(nameCut{w/2 + (i+1)/2*(1-i%2*2), -1}) // w/2, one less, one more, two less
	}
	for _, head := range []int{w / 3, w / 4, 1} {
		for from := head + 1; from < longest && w-head >= 4; from++ {
			try(nameCut{head, from})
		}
	}
	return best
}

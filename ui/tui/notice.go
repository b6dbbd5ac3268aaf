package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

type noticeKind int

const (
	info noticeKind = iota
	done
	warning
	failure // stays until dismissed
)

// notice is one message to the user.
type notice struct {
	kind  noticeKind
	id    string // the profile that it is about, "" for none
	text  string
	next  string // what to do next
	keys  string // the keys that the text offers for that profile
	small string // further text, shown if there is room
	copy  string // what was copied, if it says so: the countdown beside it need not repeat it
	at    time.Time
	holds time.Time // when its text ceases to be true, zero if it does not
	until time.Time // when it goes; zero means when dismissed
}

const (
	noticeTime = 8 * time.Second
	maxHistory = 100
)

// notices are the current message and the earlier ones.
type notices struct {
	current notice
	history []notice
}

func (ns *notices) show(n notice, now time.Time) {
	n.at, n.until = now, time.Time{}
	if n.kind != failure {
		n.until = now.Add(noticeTime)
	}
	if !n.holds.IsZero() && n.holds.Before(n.until) {
		n.until = n.holds
	}
	ns.current = n
	if ns.history = append(ns.history, n); len(ns.history) > maxHistory {
		ns.history = ns.history[1:]
	}
}

func (ns *notices) dismiss() { ns.current = notice{} }

func (ns *notices) expire(now time.Time) {
	if !ns.current.until.IsZero() && !ns.current.until.After(now) {
		ns.dismiss()
	}
}

// offers reports whether the current message offers a key for a profile.
func (ns *notices) offers(key string) bool {
	return ns.current.id != "" && slices.Contains(strings.Fields(ns.current.keys), key)
}

// notify shows a message for a while.
func (a *app) notify(kind noticeKind, text string) {
	a.notices.show(notice{kind: kind, text: text}, a.now)
}

// showQuietly shows a message about something that the user did not do just now. It
// does not replace an error that may not have been read yet.
func (a *app) showQuietly(n notice) {
	shown := a.notices.current
	a.notices.show(n, a.now)
	if shown.kind == failure {
		a.notices.current = shown
	}
}

// reportError shows what went wrong, and what to do next, until it is dismissed.
func (a *app) reportError(id, doing string, err error) {
	if errors.Is(err, context.Canceled) {
		a.notify(info, doing+": stopped")
		return
	}
	ways := words.Keys()
	if id == "" { // v would verify a profile that this is not about
		ways.Verify = "try again"
	}
	n := notice{kind: failure, id: id, next: words.Sentence(words.NextStep(err, ways))}
	if p := a.profileByID(id); p != nil {
		if err = vault.WithoutProfile(p.Selector, err); doing != "" {
			doing = p.Selector.String() + ", " + doing
		}
	}
	if n.text = errorText(err); doing != "" {
		n.text = doing + ": " + n.text
	}
	a.notices.show(n, a.now)
}

// errorText returns an error's text on one line, without control characters: it may
// quote a folder's name, a keyring or a gateway.
func errorText(err error) string { return kite.CleanText(err.Error()) }

func (n *notice) look(s *styles) (string, ansi.Style) {
	switch n.kind {
	case done:
		return s.glyph.ok, s.ok
	case warning:
		return s.glyph.warn, s.warn
	case failure:
		return s.glyph.bad, s.bad
	}
	return s.glyph.dots, s.dim
}

// noticeLines draws a notice, wrapped to w cells and at most n lines.
func (c *canvas) noticeLines(n *notice, w, limit int) []string {
	glyph, paint := n.look(&c.st)
	var out []string
	for i, l := range c.wrap(n.text, w-2) {
		if i == 0 {
			out = append(out, paint.Styled(glyph+" ")+c.st.text.Styled(l))
		} else {
			out = append(out, "  "+l)
		}
	}
	if n.small != "" {
		for _, l := range c.wrap(n.small, w-2) {
			out = append(out, c.st.dim.Styled("  "+l))
		}
	}
	if n.next != "" {
		for i, l := range c.wrap(n.next, w-4) {
			if i == 0 {
				out = append(out, c.st.dim.Styled("  "+c.arrow()+" "+l))
			} else {
				out = append(out, c.st.dim.Styled("    "+l))
			}
		}
	}
	if len(out) > limit {
		out = out[:limit]
		out[limit-1] = c.cut(out[limit-1], w-2, "") + " " + c.st.glyph.more
	}
	return out
}

// inDetail reports whether a notice is shown in the details instead of at the
// bottom.
func (a *app) inDetail(n *notice) bool {
	p := a.chosen()
	return n.kind == failure && p != nil && n.id == p.ID && (a.wide() || a.detail.open)
}

// statusLines draws the lines above the footer: the message, and what is in the
// clipboard for how long. The clipboard's time is always shown.
func (a *app) statusLines() []string {
	w := a.width - 2
	n := a.notices.current
	if p := a.chosen(); n.kind == failure && n.id != "" && (p == nil || p.ID != n.id) {
		n.next = "" // its keys would act on another profile
	}
	if n.text == "" || a.inDetail(&n) {
		if t := a.busyTask(); t != nil {
			n = notice{kind: info, text: a.taskText(t)}
		} else {
			n = notice{}
		}
	}
	var lines []string
	if n.kind == failure {
		lines = a.noticeLines(&n, w, min(max(a.height/4, 3), 6))
	} else {
		limit := 2
		if a.height >= 15 {
			limit = 4 // room for the message, the countdown and further text
		}
		lines = a.messageLines(&n, w, limit)
	}
	for i := range lines {
		lines[i] = " " + a.fit(lines[i], w, "") + " "
	}
	return lines
}

// messageLines draws a message, the clipboard's countdown and further text, in at
// most limit lines of w cells.
func (a *app) messageLines(n *notice, w, limit int) []string {
	clip := a.clip.text(&a.canvas)
	if clip != "" && n.copy != a.clip.what { // it is not the message that says what leaves
		if long := a.clip.what + " " + clip; 2+a.len(n.text)+2+a.len(long) <= w {
			clip = long
		} else {
			clip = "a copy " + clip
		}
	}
	if n.text == "" {
		return []string{a.st.dim.Styled(a.right(clip, w, a.st.glyph.more))}
	}
	glyph, paint := n.look(&a.st)
	lines := a.wrapped(n.text, w-2, limit)
	switch {
	case clip == "":
	case len(lines) == 1 && 2+a.len(lines[0])+2+a.len(clip) <= w:
		lines[0] = a.spread(lines[0], a.st.dim.Styled(clip), w-2, "")
	default:
		lines = append(a.wrapped(n.text, w-2, limit-1), a.st.dim.Styled(clip))
	}
	if left := limit - len(lines); n.small != "" && left > 0 {
		for _, l := range a.wrapped(n.small, w-2, left) {
			lines = append(lines, a.st.dim.Styled(l))
		}
	}
	for i := range lines {
		lead := "  "
		if i == 0 {
			lead = paint.Styled(glyph + " ")
		}
		lines[i] = lead + lines[i]
	}
	return lines
}

// taskText says what is under way, for how long, and how to stop it.
func (a *app) taskText(t *task) string {
	s := t.doing
	if p := a.profileByID(t.id); p != nil {
		s = p.Selector.String() + ": " + s
	}
	s += a.st.glyph.more
	if d := a.now.Sub(t.started); d >= 2*time.Second && !a.o.ReducedMotion {
		s += fmt.Sprintf(" %d s", int(d.Seconds()))
	}
	if a.width >= 60 {
		s += a.st.glyph.sep + "esc stops it" // otherwise the footer says it
	}
	if d := a.now.Sub(t.started); d >= 5*time.Second {
		s += a.st.glyph.sep + "waiting for an answer"
	}
	return s
}

// historyDialog lists earlier messages, newest first.
type historyDialog struct{ pager }

func (a *app) openHistory() {
	if len(a.notices.history) == 0 {
		a.notify(info, "no messages yet")
		return
	}
	a.push(&historyDialog{})
}

func (d *historyDialog) title() string           { return "Messages" }
func (d *historyDialog) keys(a *app) []dialogKey { return d.pagerKeys(a, d, "H") }

func (d *historyDialog) lines(a *app, w int) []string {
	var out []string
	for _, n := range slices.Backward(a.notices.history) {
		for j, l := range a.noticeLines(&n, w-10, 8) {
			at := spaces(10)
			if j == 0 {
				at = a.st.dim.Styled(words.TimeOfDay(n.at) + "  ")
			}
			out = append(out, at+l)
		}
	}
	return out
}

package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/words"
)

type noticeKind int

const (
	info noticeKind = iota
	done
	warning
	failure // stays until dismissed
)

// notice is one message to the person at the screen.
type notice struct {
	kind  noticeKind
	id    string // the profile it is about, "" for none
	text  string
	next  string // what to do about it
	small string // what else there is to know, when there is room for it
	at    time.Time
	until time.Time // zero: until dismissed
}

const (
	noticeTime = 8 * time.Second
	maxHistory = 100
)

// say shows a message for a while.
func (a *app) say(kind noticeKind, text string) tea.Cmd {
	return a.note(notice{kind: kind, text: text})
}

// mention is say for what happened by itself: it does not take the place of an
// error that nobody may have read.
func (a *app) mention(kind noticeKind, text string) tea.Cmd {
	shown := a.notice
	a.say(kind, text)
	if shown.kind == failure {
		a.notice = shown
	}
	return nil
}

func (a *app) note(n notice) tea.Cmd {
	n.at = a.now
	n.until = time.Time{}
	if n.kind != failure {
		n.until = a.now.Add(noticeTime)
	}
	a.notice = n
	if a.history = append(a.history, n); len(a.history) > maxHistory {
		a.history = a.history[1:]
	}
	return nil
}

// fail shows what went wrong, and what to do next, until it is dismissed.
func (a *app) fail(id, doing string, err error) tea.Cmd {
	if errors.Is(err, context.Canceled) {
		return a.say(info, doing+": stopped")
	}
	n := notice{kind: failure, id: id, text: sentence(err), next: words.Sentence(words.NextStep(err, words.Keys()))}
	if p := a.profileByID(id); p != nil {
		// The name is often in the error already.
		if n.text = strings.TrimPrefix(n.text, p.Selector.String()+": "); doing != "" {
			n.text = p.Selector.String() + ", " + doing + ": " + n.text
		}
	} else if doing != "" {
		n.text = doing + ": " + n.text
	}
	return a.note(n)
}

// sentence is an error's text on one line, with nothing in it that could move the
// terminal's cursor: it may quote a folder's name, a keyring or a gateway.
func sentence(err error) string { return kite.CleanText(err.Error()) }

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
func (a *app) noticeLines(n *notice, w, limit int) []string {
	glyph, paint := n.look(&a.st)
	var out []string
	for i, l := range a.wrap(n.text, w-2) {
		if i == 0 {
			out = append(out, paint.Styled(glyph+" ")+a.st.text.Styled(l))
		} else {
			out = append(out, "  "+l)
		}
	}
	if n.small != "" {
		for _, l := range a.wrap(n.small, w-2) {
			out = append(out, a.st.dim.Styled("  "+l))
		}
	}
	if n.next != "" {
		for i, l := range a.wrap(n.next, w-4) {
			if i == 0 {
				out = append(out, a.st.dim.Styled("  "+a.arrow()+" "+l))
			} else {
				out = append(out, a.st.dim.Styled("    "+l))
			}
		}
	}
	if len(out) > limit {
		out = out[:limit]
		out[limit-1] = a.cut(out[limit-1], w-2, "") + " " + a.st.glyph.more
	}
	return out
}

func (a *app) arrow() string {
	if a.st.ascii {
		return "->"
	}
	return "→"
}

// inDetail reports whether a notice is shown beside what it is about instead of
// at the bottom.
func (a *app) inDetail(n *notice) bool {
	p := a.chosen()
	return n.kind == failure && p != nil && n.id == p.ID && (a.wide() || a.detail)
}

// statusLines are the lines above the footer: what happened, and what is in the
// clipboard and for how long. That last is never left out for want of room.
func (a *app) statusLines() []string {
	w := a.width - 2
	n := a.notice
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
			limit = 4 // room for the message, the countdown and the small print
		}
		lines = a.messageLines(&n, w, limit)
	}
	for i := range lines {
		lines[i] = " " + a.fit(lines[i], w, "") + " "
	}
	return lines
}

// messageLines draws news, the clipboard's countdown and the small print, in at
// most limit lines of w cells.
func (a *app) messageLines(n *notice, w, limit int) []string {
	clip := a.clipText()
	if long := a.clip.what + " " + clip; clip != "" && !strings.Contains(n.text, a.clip.what) && 2+a.len(n.text)+2+a.len(long) <= w {
		clip = long
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

// wrapped is wrap in at most limit lines, with an ellipsis where something was
// lost.
func (a *app) wrapped(text string, w, limit int) []string {
	lines := a.wrap(text, w)
	if len(lines) > limit {
		rest := strings.Join(lines[limit-1:], " ")
		lines = append(lines[:limit-1], a.cut(rest, w, a.st.glyph.more))
	}
	return lines
}

// clipText says when kitekey's copy leaves the clipboard, "" when there is none.
func (a *app) clipText() string {
	switch {
	case !a.clip.until.After(a.now):
		return ""
	case !a.clip.cleared:
		return "in the clipboard"
	}
	return "leaves the clipboard in " + a.countText(a.clip.until.Sub(a.now))
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
		s += a.st.glyph.sep + "esc stops it" // else the footer has to do
	}
	if d := a.now.Sub(t.started); d >= 5*time.Second {
		s += a.st.glyph.sep + "waiting for an answer"
	}
	return s
}

// historyDialog lists earlier messages, the newest first.
type historyDialog struct{ pager }

func (a *app) openHistory() tea.Cmd {
	if len(a.history) == 0 {
		return a.say(info, "no messages yet")
	}
	return a.push(&historyDialog{})
}

func (d *historyDialog) title() string { return "Messages" }

func (d *historyDialog) update(a *app, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "H" {
		a.drop(d)
		return nil
	}
	return d.page(a, d, msg)
}

func (d *historyDialog) lines(a *app, w int) []string {
	var out []string
	for i := len(a.history) - 1; i >= 0; i-- {
		n := &a.history[i]
		for j, l := range a.noticeLines(n, w-10, 8) {
			at := blanks(10)
			if j == 0 {
				at = a.st.dim.Styled(n.at.Local().Format("15:04:05") + "  ")
			}
			out = append(out, at+l)
		}
	}
	return out
}

func (d *historyDialog) hints(*app) []hint { return d.pagerHints() }

package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

func (a *app) openDetail() tea.Cmd {
	a.detail, a.detailTop = true, 0
	return nil
}

// detailLines draws one profile in lines of at most w cells; h is how many are
// seen without scrolling. The countdown comes first when there is little room.
func (a *app) detailLines(p *vault.Profile, w, h int) []string {
	var out []string
	add := func(block []string, gap bool) {
		if len(block) == 0 {
			return
		}
		if gap && len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, block...)
	}
	roomy := h >= 15
	if a.notice.kind == failure && a.inDetail(&a.notice) {
		add(a.noticeLines(&a.notice, w, 8), roomy)
	}
	head := a.headLines(p, w)
	count := a.countLines(p, w, roomy)
	cred := a.credentialLines(p, w)
	header := a.authLines(p, w)
	rest := a.restLines(p, w)
	switch {
	case roomy:
		add(head, true)
		add(cred, true)
		add(count, true)
		add(header, true)
		add(rest, true)
	default:
		add(count, false)
		add(head, false)
		add(cred, false)
		add(header, false)
		add(rest, false)
	}
	return out
}

// headLines: the label, and the last verdict with its age.
func (a *app) headLines(p *vault.Profile, w int) []string {
	glyph, word, paint := a.verdictLook(p, &a.st.paints)
	text := glyph + " " + word
	if a.taskFor(p.ID) == nil && p.Verdict != vault.VerdictNone {
		text += a.st.glyph.sep + words.Age(p.VerdictAt, a.now)
	}
	if p.Label == "" {
		return []string{paint.Styled(a.cut(text, w, a.st.glyph.more))}
	}
	label := func(w int) string {
		at := len(p.Account) + 1 + len(p.Environment) + 1 + len(words.Verdict(p.Verdict, p.Store).Word) + 1
		return a.marked(p.Label, a.rows[a.cursor].marks, at, w, a.st.text, a.st.match)
	}
	if n := a.len(text); a.len(p.Label)+n+3 <= w {
		return []string{label(w-n) + paint.Styled(text)}
	}
	return []string{label(w), paint.Styled(a.cut(text, w, a.st.glyph.more))}
}

// labelWidth is the room for the names at the left of the details.
const labelWidth = 14

func (a *app) fact(name, value string, w int) string {
	return a.st.dim.Styled(a.fit(name, labelWidth, "")) + a.cut(value, w-labelWidth, a.st.glyph.more)
}

// secretFact shows a revealed value over as many lines as it needs: whoever asked
// to see it wants all of it.
func (a *app) secretFact(name, value string, w int) []string {
	var out []string
	for i, l := range strings.Split(a.method.Hardwrap(value, w-labelWidth, true), "\n") {
		if i > 0 {
			name = ""
		}
		out = append(out, a.st.dim.Styled(a.fit(name, labelWidth, ""))+a.st.warn.Styled(l))
	}
	return out
}

// credentialLines never show how long a secret is.
func (a *app) credentialLines(p *vault.Profile, w int) []string {
	dots := strings.Repeat(a.st.glyph.dots, 12)
	var out []string
	if c := a.shownCredential(p.ID); !c.IsZero() {
		out = append(out, a.secretFact("api_key", c.APIKey.Reveal(), w)...)
		out = append(out, a.secretFact("api_secret", c.APISecret.Reveal(), w)...)
		out = append(out, a.st.dim.Styled(a.fit("", labelWidth, "")+"hidden again in "+a.countText(a.shown.until.Sub(a.now))))
	} else {
		out = []string{a.fact("api_key", dots+p.KeyHint, w), a.fact("api_secret", dots, w)}
	}
	if p.Staged {
		out = append(out, a.st.warn.Styled(a.cut(a.st.glyph.warn+" a new pair waits: r finishes", w, a.st.glyph.more)))
	}
	if p.Previous {
		out = append(out, a.fact("previous", "still kept; r goes back", w))
	}
	return out
}

// countLines: the countdown, its bar, and the moments around it.
func (a *app) countLines(p *vault.Profile, w int, roomy bool) []string {
	t := p.Token
	l := words.TokenStateOf(t, a.now)
	paint := tokenPaint(l, &a.st.paints)
	switch l {
	case words.NoToken:
		hintText := "no token: c mints one and copies its header"
		if !roomy {
			return []string{a.st.dim.Styled(a.cut(hintText, w, a.st.glyph.more))}
		}
		return []string{"", a.center(a.st.dim.Styled(a.cut(hintText, w, a.st.glyph.more)), w), ""}
	case words.Expired:
		text := tokenGlyph(l, &a.st) + " expired at " + a.moment(t.Deadline)
		again := "n mints again for " + words.Duration(t.ExpiresIn.Duration()) + " and copies"
		if !roomy {
			return []string{paint.Styled(a.cut(text, w, a.st.glyph.more)), a.st.dim.Styled(a.cut(again, w, a.st.glyph.more))}
		}
		return []string{"", a.center(a.st.strong.Styled(a.cut(text, w, a.st.glyph.more)), w), a.center(a.st.dim.Styled(a.cut(again, w, a.st.glyph.more)), w), ""}
	}
	left := t.Remaining(a.now)
	word := tokenGlyph(l, &a.st) + " " + l.String()
	number := a.countText(left)
	facts := "expires " + a.moment(t.Deadline) + a.st.glyph.sep + "minted " + a.moment(t.Minted) + a.st.glyph.sep + words.Clock(t.Skew)
	if a.len(facts) > w {
		facts = "expires " + a.moment(t.Deadline) + a.st.glyph.sep + words.Clock(t.Skew)
	}
	factLine := a.st.dim.Styled(a.cut(facts, w, a.st.glyph.more))
	whole := "of " + words.Duration(t.ExpiresIn.Duration())
	if !roomy {
		side := " " + word
		return []string{
			paint.Bold().Styled(number) + " " + a.st.bar(max(w-a.len(number)-a.len(side)-1, 3), a.barLeft(left), t.ExpiresIn.Duration(), paint, a.st.line) + paint.Styled(side),
			factLine,
		}
	}
	var out []string
	if !a.st.ascii && !a.o.ReducedMotion {
		for _, row := range bigClock(number) {
			out = append(out, a.center(paint.Bold().Styled(row), w))
		}
	} else {
		out = append(out, a.center(paint.Bold().Styled(number), w))
	}
	barWidth := max(w-a.len(word)-a.len(whole)-4, 3)
	return append(out, "",
		paint.Styled(word)+"  "+a.st.bar(barWidth, a.barLeft(left), t.ExpiresIn.Duration(), paint, a.st.line)+"  "+a.st.dim.Styled(whole),
		factLine)
}

// moment writes a time of day, with the day when it is not today.
func (a *app) moment(t time.Time) string {
	t = t.Local()
	y, m, d := a.now.Local().Date()
	if ty, tm, td := t.Date(); ty == y && tm == m && td == d {
		return t.Format("15:04:05")
	}
	return t.Format("2 Jan 15:04:05")
}

// authLines preview the header that c copies.
func (a *app) authLines(p *vault.Profile, w int) []string {
	if v := a.shownHeader(p.ID); !v.IsZero() {
		return append(a.secretFact("header", v.Reveal(), w),
			a.st.dim.Styled(a.fit("", labelWidth, "")+"hidden again in "+a.countText(a.shown.until.Sub(a.now))))
	}
	if !p.Token.Unexpired(a.now) {
		return nil
	}
	name := "Authorization: JWT "
	if w-labelWidth-len(name) < 6 {
		name = "JWT "
	}
	return []string{a.fact("header", name+strings.Repeat(a.st.glyph.dots, min(max(w-labelWidth-len(name), 0), 16)), w)}
}

func (a *app) restLines(p *vault.Profile, w int) []string {
	out := []string{a.fact("expires_in", words.Duration(p.ExpiresIn.Duration())+" by default", w)}
	if p.Store != "" && p.Store != a.o.Vault.StoreName() {
		out = append(out, a.st.warn.Styled(a.cut(a.st.glyph.warn+" kept in the "+p.Store+" store: start kitekey with --store "+p.Store, w, a.st.glyph.more)))
	}
	if !p.LastUsed.IsZero() {
		out = append(out, a.fact("last used", words.Age(p.LastUsed, a.now), w))
	}
	if a.keep.id == p.ID {
		out = append(out, a.fact("keep-alive", "on: mints again in time"+a.st.glyph.sep+"K stops", w))
	}
	if p.Environment == kite.Live {
		state := "closed until its name is typed"
		if until := a.gates[p.Account]; until.After(a.now) {
			state = "open for another " + words.CountdownByMinute(until.Sub(a.now))
		}
		out = append(out, a.fact("live gate", state, w))
	}
	if wrong := words.ClockWarning(p.Token.Skew); p.Token.Unexpired(a.now) && wrong != "" {
		for _, l := range a.wrap(a.st.glyph.warn+" "+wrong, w) {
			out = append(out, a.st.warn.Styled(l))
		}
	}
	return out
}

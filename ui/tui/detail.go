package tui

import (
	"strings"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// detail is the pane of the chosen profile.
type detail struct {
	open bool // it has the keys; on a narrow screen, the whole screen
	top  int  // first line on the screen
}

func (a *app) openDetail() { a.detail = detail{open: true} }

// lines draws one profile in lines of at most w cells; h is how many are seen
// without scrolling. The countdown comes first when there is little room.
func (d *detail) lines(a *app, p *vault.Profile, w, h int) []string {
	roomy := h >= 15
	var out []string
	if a.inDetail(&a.notices.current) {
		out = a.noticeLines(&a.notices.current, w, 8)
	}
	head, count, cred, header, rest := d.headLines(a, p, w), countLines(&a.canvas, p, w, roomy), d.credentialLines(a, p, w), d.authLines(a, p, w), d.restLines(a, p, w)
	blocks := [][]string{count, head, cred, header, rest}
	if roomy {
		blocks = [][]string{head, cred, count, header, rest}
	}
	for _, block := range blocks {
		if roomy && len(block) > 0 && len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, block...)
	}
	return out
}

// headLines: the label, and the last verdict with its age.
func (d *detail) headLines(a *app, p *vault.Profile, w int) []string {
	t := a.tasks.about(p.ID)
	glyph, word, paint := a.verdictLook(p, t, &a.st.textStyles)
	text := glyph + " " + word
	if t == nil && p.Verdict != vault.VerdictNone {
		text += a.st.glyph.sep + words.Age(p.VerdictAt, a.now)
	}
	if p.Label == "" {
		return []string{paint.Styled(a.cut(text, w, a.st.glyph.more))}
	}
	label := func(w int) string {
		at := len(p.Account) + 1 + len(p.Environment) + 1 + len(words.Verdict(p.Verdict, p.Store).Word) + 1
		return a.marked(p.Label, a.list.rows[a.list.cursor].matches, at, w, a.st.text, a.st.match)
	}
	if n := a.len(text); a.len(p.Label)+n+3 <= w {
		return []string{label(w-n) + paint.Styled(text)}
	}
	return []string{label(w), paint.Styled(a.cut(text, w, a.st.glyph.more))}
}

// credentialLines never show how long a secret is.
func (d *detail) credentialLines(a *app, p *vault.Profile, w int) []string {
	dots := strings.Repeat(a.st.glyph.dots, 12)
	var out []string
	if c := a.reveal.credential(p.ID); !c.IsZero() {
		out = append(out, a.secretFact("api_key", c.APIKey.Reveal(), w)...)
		out = append(out, a.secretFact("api_secret", c.APISecret.Reveal(), w)...)
		out = append(out, a.hiddenAgain())
	} else {
		out = []string{a.fact("api_key", dots+p.KeyHint, w), a.fact("api_secret", dots, w)}
	}
	if p.Staged {
		out = append(out, a.st.warn.Styled(a.cut(a.st.glyph.warn+" staged credential: r to finish", w, a.st.glyph.more)))
	}
	if p.Previous {
		out = append(out, a.fact("previous", "kept: r goes back to it", w))
	}
	return out
}

// hiddenAgain says for how long a secret stays on the screen.
func (a *app) hiddenAgain() string {
	return a.st.dim.Styled(a.fit("", labelWidth, "") + "hidden again in " + a.countText(a.reveal.until.Sub(a.now)))
}

// authLines preview the header that c copies.
func (d *detail) authLines(a *app, p *vault.Profile, w int) []string {
	if v := a.reveal.header(p.ID); !v.IsZero() {
		return append(a.secretFact("header", v.Reveal(), w), a.hiddenAgain())
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

func (d *detail) restLines(a *app, p *vault.Profile, w int) []string {
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
		state := "asks for its name"
		if until := a.guard.Until(p.Selector); !until.IsZero() {
			state = "open for another " + words.CountdownByMinute(until.Sub(a.now))
		}
		out = append(out, a.fact("live", state, w))
	}
	if wrong := words.ClockWarning(p.Token.Skew); p.Token.Unexpired(a.now) && wrong != "" {
		out = append(out, a.painted(a.st.glyph.warn+" "+wrong, w, a.st.warn)...)
	}
	return out
}

// countLines: the countdown, its bar, and the moments around it.
func countLines(c *canvas, p *vault.Profile, w int, roomy bool) []string {
	t := p.Token
	state := words.TokenStateOf(t, c.now)
	paint := tokenPaint(state, &c.st.textStyles)
	switch state {
	case words.NoToken:
		return c.centred(roomy, w, c.st.dim.Styled(c.cut("no token: c mints one and copies its header", w, c.st.glyph.more)))
	case words.Expired:
		head := paint
		if roomy {
			head = c.st.strong
		}
		text := tokenGlyph(state, &c.st) + " expired at " + c.moment(t.Deadline)
		again := "n mints again for " + words.Duration(t.ExpiresIn.Duration()) + " and copies"
		return c.centred(roomy, w, head.Styled(c.cut(text, w, c.st.glyph.more)), c.st.dim.Styled(c.cut(again, w, c.st.glyph.more)))
	}
	left := t.Remaining(c.now)
	word := tokenGlyph(state, &c.st) + " " + state.String()
	number := c.countText(left)
	facts := "expires " + c.moment(t.Deadline) + c.st.glyph.sep + "minted " + c.moment(t.Minted) + c.st.glyph.sep + words.Clock(t.Skew)
	if c.len(facts) > w {
		facts = "expires " + c.moment(t.Deadline) + c.st.glyph.sep + words.Clock(t.Skew)
	}
	factLine := c.st.dim.Styled(c.cut(facts, w, c.st.glyph.more))
	if !roomy {
		side := " " + word
		return []string{
			paint.Bold().Styled(number) + " " + c.st.bar(max(w-c.len(number)-c.len(side)-1, 3), c.barLeft(left), t.ExpiresIn.Duration(), paint, c.st.line) + paint.Styled(side),
			factLine,
		}
	}
	var out []string
	if !c.ascii && !c.still {
		for _, row := range bigClock(number) {
			out = append(out, c.center(paint.Bold().Styled(row), w))
		}
	} else {
		out = append(out, c.center(paint.Bold().Styled(number), w))
	}
	whole := "of " + words.Duration(t.ExpiresIn.Duration())
	barWidth := max(w-c.len(word)-c.len(whole)-4, 3)
	return append(out, "",
		paint.Styled(word)+"  "+c.st.bar(barWidth, c.barLeft(left), t.ExpiresIn.Duration(), paint, c.st.line)+"  "+c.st.dim.Styled(whole),
		factLine)
}

// centred puts lines in the middle, with air around them, where there is room.
func (c *canvas) centred(roomy bool, w int, lines ...string) []string {
	if !roomy {
		return lines
	}
	out := []string{""}
	for _, l := range lines {
		out = append(out, c.center(l, w))
	}
	return append(out, "")
}

package tui

import (
	"strings"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// detail is the pane with the chosen profile.
type detail struct {
	open bool // it has the keys; on a narrow screen it fills the screen
	top  int  // first line on the screen
}

func (a *app) openDetail() { a.detail = detail{open: true} }

// lines draws one profile in lines of at most w cells; h is the number that can be
// seen without scrolling. If there is room, its activity and how to use it follow.
func (d *detail) lines(a *app, p *vault.Profile, w, h int) []string {
	tall, side := h >= 15, h < 15 && w >= 66
	var out []string
	said := a.inDetail(&a.notices.current)
	if said {
		out = a.noticeLines(&a.notices.current, w, 8)
	}
	var count []string
	if !said {
		count = d.whyLines(a, p, w, tall)
	}
	if count == nil {
		count = countLines(&a.canvas, p, w, h)
	}
	head, cred, header, rest := d.headLines(a, p, w), d.credentialLines(a, p, w), d.authLines(a, p, w), d.restLines(a, p, w)
	blocks := [][]string{count, head, cred, header, rest}
	switch {
	case tall:
		blocks = [][]string{head, count, cred, header, rest}
	case side:
		blocks = [][]string{head, count, cred, header, rest}
	}
	for _, block := range blocks {
		if tall && len(block) > 0 && len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, block...)
	}
	return append(out, d.sections(a, p, w, h-len(out))...)
}

// sections draws the n lines below a profile: its activity, and how to use it from
// a shell.
func (d *detail) sections(a *app, p *vault.Profile, w, n int) []string {
	var out, shell []string
	if n >= 8 && a.width >= threePlaces {
		name := p.Account
		if p.Environment == kite.Live {
			name = p.Selector.String()
		}
		for _, line := range []string{"kitekey exec " + name + " -- npm test", "kitekey api " + name + " /data/wallets/balances"} {
			shell = append(shell, a.st.text.Styled(a.cut(line, w, a.st.glyph.more)))
		}
		shell = append([]string{sectionMark + "From a shell"}, shell...)
		n -= len(shell)
	}
	if n >= 4 {
		if lines := a.activity.lines(&a.canvas, p.Selector, w, n-1); len(lines) > 0 {
			out = append([]string{sectionMark + "Activity"}, lines...)
			n -= len(out)
		}
	}
	if shell == nil {
		return out
	}
	for range n {
		out = append(out, "")
	}
	return append(out, shell...)
}

// headLines draws the label, and the last verdict with its age.
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
		text := a.cut(p.Label, w, a.st.glyph.more)
		return a.marked(text, a.list.found(text), w, a.st.text, a.st.match)
	}
	if n := a.len(text); a.len(p.Label)+n+3 <= w {
		return []string{label(w-n) + paint.Styled(text)}
	}
	return []string{label(w), paint.Styled(a.cut(text, w, a.st.glyph.more))}
}

// whyLines draws, in place of the countdown, why a profile without a token fails:
// the gateway's words, their meaning, and what to do next. It returns nil for other
// profiles.
func (d *detail) whyLines(a *app, p *vault.Profile, w int, tall bool) []string {
	class := words.Verdict(p.Verdict, p.Store).Class
	if p.Token.Unexpired(a.now) || class != words.Bad && class != words.Doubtful {
		return nil
	}
	r := a.reportFor(p)
	meaning, next := words.Advice(r, words.Keys())
	glyph, word, paint := a.verdictLook(p, nil, &a.st.textStyles)
	head := reasonOf(r)
	if head == "" {
		head = word
	}
	if !tall {
		limit := 2
		if d.open { // the rest can be scrolled to
			limit = 8
		}
		var out []string
		for _, l := range a.wrapped(glyph+" "+head, w, limit) {
			out = append(out, paint.Styled(l))
		}
		for _, l := range a.wrapped(a.arrow()+" "+words.Sentence(next), w, limit) {
			out = append(out, a.st.dim.Styled(l))
		}
		return out
	}
	out := []string{paint.Bold().Styled(a.cut(glyph+" "+head, w, a.st.glyph.more))}
	out = append(out, a.painted(words.Sentence(meaning), w-2, a.st.text)...)
	for i, l := range a.painted(words.Sentence(next), w-4, a.st.dim) {
		lead := "  "
		if i == 0 {
			lead = a.arrow() + " "
		}
		out = append(out, a.st.dim.Styled(lead)+l)
	}
	for i := 1; i < len(out); i++ {
		out[i] = "  " + out[i]
	}
	return out
}

// credentialLines draws the credential without showing how long a secret is.
func (d *detail) credentialLines(a *app, p *vault.Profile, w int) []string {
	dots := strings.Repeat(a.st.glyph.dots, 12)
	var out []string
	if r := &a.reveal; r.of(p.ID) && r.apiKey != "" {
		out = append(out, a.secretFact("api_key", r.apiKey, w)...)
		out = append(out, a.secretFact("api_secret", r.apiSecret, w)...)
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

// authLines draws a preview of the header that c copies.
func (d *detail) authLines(a *app, p *vault.Profile, w int) []string {
	if r := &a.reveal; r.of(p.ID) && r.header != "" {
		return append(a.secretFact("header", r.header, w), a.hiddenAgain())
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
	out = append(out, a.sourceLines(p, w)...)
	if p.Store != "" && p.Store != a.o.Vault.StoreName() {
		out = append(out, a.st.warn.Styled(a.cut(a.st.glyph.warn+" kept in the "+p.Store+" store: start kitekey with --store "+p.Store, w, a.st.glyph.more)))
	}
	if !p.LastUsed.IsZero() {
		out = append(out, a.fact("last used", words.Age(p.LastUsed, a.now), w))
	}
	if a.keep.ID == p.ID {
		out = append(out, a.fact("keep-alive", "on: mints again before it expires"+a.st.glyph.sep+"K stops", w))
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

// countLines draws the countdown, its bar and its times in a pane of w by h: with
// digits as large as fit, beside the facts if the pane is low, and in one line if
// it is small.
func countLines(c *canvas, p *vault.Profile, w, h int) []string {
	t, tall := p.Token, h >= 15
	state := words.TokenStateOf(t, c.now)
	paint := tokenPaint(state, &c.st.textStyles)
	switch state {
	case words.NoToken:
		return c.centred(tall, w, c.st.dim.Styled(c.cut("no token: c mints one and copies its header", w, c.st.glyph.more)))
	case words.Expired:
		head := paint
		if tall {
			head = c.st.strong
		}
		text := tokenGlyph(state, &c.st) + " expired at " + words.Moment(t.Deadline, c.now)
		again := "n mints again for " + words.Duration(t.ExpiresIn.Duration()) + " and copies"
		return c.centred(tall, w, head.Styled(c.cut(text, w, c.st.glyph.more)), c.st.dim.Styled(c.cut(again, w, c.st.glyph.more)))
	}
	left := t.Remaining(c.now)
	word := tokenGlyph(state, &c.st) + " " + state.String()
	number := c.countText(left)
	whole := "of " + words.Duration(t.ExpiresIn.Duration())
	bar := func(w int) string {
		return c.st.bar(max(w, 3), c.barLeft(left), t.ExpiresIn.Duration(), paint, c.st.line)
	}
	facts := "expires " + words.Moment(t.Deadline, c.now) + c.st.glyph.sep + "minted " + words.Moment(t.Minted, c.now) + c.st.glyph.sep + words.Clock(t.Skew)
	digits := c.digits(number, w, h)
	side := !tall && w >= 66 && len(digits) == 3
	room := w
	if side {
		room = w - c.len(digits[0]) - 6
	}
	if c.len(facts) > room {
		facts = "expires " + words.Moment(t.Deadline, c.now) + c.st.glyph.sep + words.Clock(t.Skew)
	}
	factLine := c.st.dim.Styled(c.cut(facts, room, c.st.glyph.more))
	barLine := paint.Styled(word) + "  " + bar(room-c.len(word)-c.len(whole)-4) + "  " + c.st.dim.Styled(whole)
	switch {
	case side:
		beside := []string{barLine, factLine, ""}
		for i := range digits {
			beside[i] = "  " + paint.Bold().Styled(digits[i]) + "    " + beside[i]
		}
		return beside
	case !tall:
		short := " " + word
		return []string{paint.Bold().Styled(number) + " " + bar(w-c.len(number)-c.len(short)-1) + paint.Styled(short), factLine}
	}
	var out []string
	for _, row := range digits {
		out = append(out, c.center(paint.Bold().Styled(row), w))
	}
	return append(out, "", barLine, factLine)
}

// digits draws a number five or three rows high, or as text if there is no room.
func (c *canvas) digits(number string, w, h int) []string {
	switch {
	case c.ascii:
		return []string{number}
	case w >= 56 && h >= 26:
		return blockClock(number)
	}
	return bigClock(number)
}

// centred puts lines in the middle, with blank lines around them if there is room.
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

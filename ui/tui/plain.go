package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// plain is the main job as a conversation: one line is read, a few are written,
// nothing on the screen ever changes. For screen readers, Braille displays and
// very simple terminals.
type plain struct {
	o        Options
	out      io.Writer
	ask      chan bool // what to read next: true is a secret
	answer   chan answer
	terminal *os.File // that the answers come from, nil when they come from elsewhere
	profiles []vault.Profile
	chosen   vault.Selector
	gates    map[string]time.Time
	watched  map[vault.Selector]bool // spoken of before they expire
	warned   map[vault.Selector]time.Time
}

type answer struct {
	text string
	err  error
}

// RunPlain is [Run] without a screen. It ends with "q", with the end of the
// input, or with ctx.
func RunPlain(ctx context.Context, o Options) error {
	o.setDefaults()
	in, out := o.Input, o.Output
	if in == nil {
		in = os.Stdin
	}
	if out == nil {
		out = os.Stdout
	}
	p := &plain{
		o: o, out: out, ask: make(chan bool), answer: make(chan answer, 1),
		gates: map[string]time.Time{}, watched: map[vault.Selector]bool{}, warned: map[vault.Selector]time.Time{},
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = f
	}
	go p.read(in)
	defer close(p.ask)
	return p.run(ctx)
}

// read answers one request after the other, so that it never waits for input
// that nobody has asked for.
func (p *plain) read(in io.Reader) {
	lines := bufio.NewReader(in)
	for secret := range p.ask {
		if secret && p.terminal != nil {
			text, err := ReadHidden(p.terminal)
			p.answer <- answer{text, err}
			continue
		}
		text, err := lines.ReadString('\n')
		if err == io.EOF && text != "" {
			err = nil
		}
		p.answer <- answer{strings.TrimRight(text, "\r\n"), err}
	}
}

func (p *plain) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// prompt asks and waits, and speaks up meanwhile when a token runs low.
func (p *plain) prompt(ctx context.Context, text string, secret bool) (string, error) {
	if secret && p.terminal != nil {
		before, err := term.MakeRaw(int(p.terminal.Fd()))
		if err != nil {
			return "", fmt.Errorf("hide what is typed: %w", err)
		}
		defer p.say("") // the user's own line break was not echoed
		defer func() { _ = term.Restore(int(p.terminal.Fd()), before) }()
	}
	fmt.Fprint(p.out, text)
	p.ask <- secret
	for {
		wait := time.NewTimer(p.nextNotice(secret))
		select {
		case a := <-p.answer:
			wait.Stop()
			return a.text, a.err
		case <-ctx.Done():
			wait.Stop()
			return "", ctx.Err()
		case <-wait.C:
			if !secret && !p.o.NoNotices && p.notices() {
				fmt.Fprint(p.out, text)
			}
		}
	}
}

// nextNotice is the time until a token that is used here runs low; a minute when
// none will before, or when nobody wants to hear of it, as who types a secret.
func (p *plain) nextNotice(secret bool) time.Duration {
	wait := time.Minute
	if p.o.NoNotices || secret {
		return wait
	}
	for i := range p.profiles {
		t := &p.profiles[i]
		left := t.Token.Remaining(p.o.Now())
		if at := left - words.LowAt(t.Token.ExpiresIn.Duration()); p.watched[t.Selector] && left > 0 && !p.warned[t.Selector].Equal(t.Token.Deadline) {
			wait = min(wait, max(at, 0))
		}
	}
	return wait
}

func (p *plain) notices() (said bool) {
	for i := range p.profiles {
		t := &p.profiles[i]
		l := words.TokenStateOf(t.Token, p.o.Now().Round(0))
		if !p.watched[t.Selector] || p.warned[t.Selector].Equal(t.Token.Deadline) || l != words.Low && l != words.Ending {
			continue
		}
		p.warned[t.Selector] = t.Token.Deadline
		p.say("\nNotice: the token of %s expires in %s.", speak(t.Selector), words.Duration(t.Token.Remaining(p.o.Now())))
		said = true
	}
	return said
}

// speak names a profile so that live cannot be missed by ear.
func speak(s vault.Selector) string {
	if s.Environment == kite.Live {
		return s.Account + " LIVE"
	}
	return s.Account + " sandbox"
}

func (p *plain) run(ctx context.Context) error {
	p.say("kitekey, plain mode.")
	if p.o.Demo {
		p.say("This is a demonstration; nothing is kept.")
	}
	if p.o.SandboxOnly {
		p.say("Sandbox only: live profiles are not listed.")
	}
	for _, o := range p.o.Overrides {
		p.say("Override in force: %s.", o)
	}
	if err := p.load(); err != nil {
		return err
	}
	p.list("")
	p.say("Type a profile's number or name to choose it, or h for help.")
	for {
		text := "> "
		if p.chosen.Account != "" {
			text = speak(p.chosen) + "> "
		}
		line, err := p.prompt(ctx, text, false)
		if err == io.EOF {
			p.say("")
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.load(); err != nil {
			p.say("%s", sentence(err))
			continue
		}
		quit, err := p.command(ctx, strings.TrimSpace(line))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, ErrInterrupted) {
			return err
		}
		if err != nil {
			p.say("Failed: %s.", strings.TrimSuffix(sentence(err), "."))
			if next := words.NextStep(err, words.Keys()); next != "" {
				p.say("Next: %s.", next)
			}
		}
		if quit {
			return nil
		}
	}
}

func (p *plain) load() error {
	all, err := p.o.Vault.List()
	if err != nil {
		return err
	}
	p.profiles = all[:0:0]
	for _, profile := range all {
		if !p.o.SandboxOnly || profile.Environment != kite.Live {
			profile.Label = kite.CleanText(profile.Label)
			p.profiles = append(p.profiles, profile)
		}
	}
	return nil
}

// list reads the profiles out; numbers stay the same with a filter.
func (p *plain) list(filter string) {
	if len(p.profiles) == 0 {
		p.say("No accounts here yet. Type a to add one.")
		return
	}
	for i, profile := range p.profiles {
		line := speak(profile.Selector)
		if profile.Label != "" {
			line += ", " + profile.Label
		}
		if filter != "" && !strings.Contains(strings.ToLower(line), strings.ToLower(filter)) {
			continue
		}
		p.say("%d: %s, %s%s.", i+1, line, words.Verdict(profile.Verdict, profile.Store).Word, p.life(profile))
	}
}

func (p *plain) life(profile vault.Profile) string {
	switch l := words.TokenStateOf(profile.Token, p.o.Now().Round(0)); l {
	case words.NoToken:
		return ""
	case words.Expired:
		return ", token expired"
	default:
		return ", token " + l.String() + " for another " + words.Duration(profile.Token.Remaining(p.o.Now()))
	}
}

func (p *plain) help() {
	for _, l := range []string{
		"A number or a name: choose that profile.",
		"l: list all profiles; l TEXT: those that contain the text.",
		"c: copy the Authorization header, minting a token first when none is alive; c token, c curl: copy it as that.",
		"m: mint a new token and copy its header; m 90s: with that life.",
		"t: time left.",
		"v: verify the credential and hear what it means.",
		"x: take what was copied out of the clipboard.",
		"a: add an account.",
		"h: this help. q: quit.",
	} {
		p.say("%s", l)
	}
}

// command does one line. Its error is io.EOF when the input ended under way.
func (p *plain) command(ctx context.Context, line string) (quit bool, err error) {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return false, nil
	case "q", "quit":
		return true, nil
	case "h", "help", "?":
		p.help()
		return false, nil
	case "l", "list":
		p.list(rest)
		return false, nil
	case "a", "add":
		return false, p.add(ctx)
	case "x":
		if err := p.o.Clipboard.Clear(ctx); err != nil {
			return false, err
		}
		p.say("Taken out of the clipboard.")
		return false, nil
	}
	if n, err := strconv.Atoi(word); err == nil {
		if n < 1 || n > len(p.profiles) {
			p.say("There is no number %d.", n)
			return false, nil
		}
		p.choose(p.profiles[n-1])
		return false, nil
	}
	if sel, err := vault.ParseSelector(word); err == nil && len(word) > 1 {
		for _, profile := range p.profiles {
			if profile.Selector == sel {
				p.choose(profile)
				return false, nil
			}
		}
	}
	profile, ok := p.current()
	switch {
	case !strings.Contains(" c m t v ", " "+word+" "):
		p.say("%q is neither a profile nor a command; h for help.", kite.CleanText(word))
	case !ok:
		p.say("Choose a profile first: type its number.")
	case word == "t":
		if text := p.life(profile); text != "" {
			p.say("%s%s.", speak(profile.Selector), text)
		} else {
			p.say("%s has no token. Type c or m.", speak(profile.Selector))
		}
	default:
		return false, p.act(ctx, profile, word, rest)
	}
	return false, nil
}

func (p *plain) choose(profile vault.Profile) {
	p.chosen = profile.Selector
	p.say("%s, %s%s.", speak(profile.Selector), words.Verdict(profile.Verdict, profile.Store).Word, p.life(profile))
}

func (p *plain) current() (vault.Profile, bool) {
	for _, profile := range p.profiles {
		if profile.Selector == p.chosen {
			return profile, true
		}
	}
	return vault.Profile{}, false
}

// act does what needs the gateway; on live it asks for the account's name first.
func (p *plain) act(ctx context.Context, profile vault.Profile, verb, rest string) error {
	sel := profile.Selector
	as, mint := handout.Header, vault.TokenRequest{Fresh: verb == "m"}
	switch {
	case verb == "m" && rest != "":
		life, err := kite.ParseLifetime(rest)
		if err != nil {
			return err
		}
		mint.ExpiresIn = life
	case verb == "c" && rest == "token":
		as = handout.Token
	case verb == "c" && rest == "curl":
		as = handout.Curl
	case verb == "c" && rest != "" && rest != "header":
		p.say("It can be copied as header, token or curl.")
		return nil
	}
	if sel.Environment == kite.Live && !p.gates[sel.Account].After(p.o.Now()) {
		name, err := p.prompt(ctx, "This is LIVE: real money. Type the account's name to go on: ", false)
		if err != nil {
			return err
		}
		if name != sel.Account {
			p.say("That is not its name; nothing was done.")
			return nil
		}
		p.gates[sel.Account] = p.o.Now().Add(handout.ScreenMemory)
	}
	ctx = vault.WithPrompt(ctx, promptWait)
	if verb == "v" {
		p.say("Verifying.")
		r := p.o.Vault.Verify(ctx, sel, false)
		if r.Verdict == vault.VerdictNone {
			return r.Err
		}
		means, next := words.Advice(r, words.Keys())
		p.say("%s: %s.", speak(sel), words.Verdict(r.Verdict, profile.Store).Word)
		p.say("It means: %s.", means)
		p.say("Next: %s.", next)
		return nil
	}
	if mint.Fresh || !profile.Token.Unexpired(p.o.Now()) {
		p.say("Minting.")
	}
	tok, err := p.o.Vault.Token(ctx, sel, mint)
	if err != nil {
		return err
	}
	p.watched[sel] = true
	clearAt := p.o.Now().Round(0).Add(p.o.ClearAfter)
	if tok.Deadline().Before(clearAt) {
		clearAt = tok.Deadline()
	}
	if tok.Minted {
		p.say("New token of %s, good for %s.", speak(sel), words.Lifetime(tok.Remaining(p.o.Now()), tok.ExpiresIn().Duration()))
	} else {
		p.say("Token of %s, good for another %s.", speak(sel), words.Duration(tok.Remaining(p.o.Now())))
	}
	r, err := p.o.Clipboard.Copy(ctx, []byte(as.Render(tok.Token, p.o.BaseURL(sel.Environment)).Reveal()), clearAt)
	p.o.Vault.Record(vault.ActionCopied, sel, err)
	if err != nil {
		return err
	}
	p.say("Its %s is in the clipboard (%s) until %s.", as, r.Way, clearAt.Local().Format("15:04:05"))
	if r.Caveat != "" {
		p.say("Note: %s.", r.Caveat)
	}
	return p.load()
}

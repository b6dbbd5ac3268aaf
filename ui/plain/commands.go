package plain

import (
	"context"
	"errors"
	"strings"

	"kitekey/vault"
)

// errQuit ends the conversation.
var errQuit = errors.New("quit")

// command is a command of plain mode.
type command struct {
	names []string // the name, then its short forms
	takes string   // what may follow, for the help; "" means nothing
	help  string
	run   func(c *conversation, ctx context.Context, rest string) error
	// about runs instead, for a command about a profile: the chosen one, or the one
	// whose name follows.
	about func(c *conversation, ctx context.Context, p vault.Profile, rest string) error
	// option reports whether a text is for the command, and not part of a name.
	option func(text string) bool
}

// commands returns all commands, for both reading and help.
func commands() []command {
	return []command{
		{names: []string{"list", "l"}, takes: "[WORDS]", help: "all profiles, or those that match the words; failing, unexpired, live and sandbox are words too", run: does(func(c *conversation, rest string) { c.list(rest) })},
		{names: []string{"choose"}, takes: "NAME", help: "choose a profile by its number, name or label; the name alone does the same", run: does(func(c *conversation, rest string) { c.choose(rest) })},
		{names: []string{"copy", "c"}, takes: "[header, token or curl]", help: "copy the Authorization header, or the token, or a curl command; mints when no token is unexpired", about: (*conversation).copyToken, option: isForm},
		{names: []string{"mint", "m"}, takes: "[a life as in 90s, 5m, 1h30m or 2d]", help: "mint a new token and copy its header", about: (*conversation).mint, option: isLife},
		{names: []string{"keep-alive", "keep", "k"}, help: "keep a token alive: mint another shortly before it ends, until switched off or you quit", about: (*conversation).toggleKeepAlive},
		{names: []string{"time", "t"}, help: "how long the token lives", about: (*conversation).sayTime},
		{names: []string{"reveal", "s"}, help: "read out the credential", about: (*conversation).reveal},
		{names: []string{"forget", "f"}, help: "forget the cached token", about: (*conversation).forget},
		{names: []string{"clear", "x"}, help: "clear the copy from the clipboard", run: (*conversation).clear},
		{names: []string{"verify", "v"}, takes: "[all, or WORDS]", help: "verify the credential and hear the result; verify all, or those that match the words", run: (*conversation).verify},
		{names: []string{"why", "w"}, help: "what the last verdict means and what the gateway said", about: (*conversation).why},
		{names: []string{"report"}, takes: "[NAME, failing or all]", help: "copy a report for a ticket: of the profile, or of the failing ones or all that verify all has verified", run: (*conversation).report},
		{names: []string{"add", "a"}, help: "add a profile", run: func(c *conversation, ctx context.Context, _ string) error { return c.add(ctx) }},
		{names: []string{"edit", "e"}, help: "change the label, the default life of tokens, or the account's name", about: (*conversation).edit},
		{names: []string{"rotate", "r"}, help: "replace the credential once the new one is verified", about: (*conversation).rotate},
		{names: []string{"finish"}, help: "verify the staged credential and put it in use", about: (*conversation).finish},
		{names: []string{"discard"}, help: "delete the staged credential", about: (*conversation).discard},
		{names: []string{"rollback"}, help: "put the previous credential back in use", about: (*conversation).rollback},
		{names: []string{"drop"}, help: "delete the previous credential: no rollback after that", about: (*conversation).dropPrevious},
		{names: []string{"remove", "d"}, help: "remove the profile and its credential", about: (*conversation).remove},
		{names: []string{"undo", "u"}, help: "put back what was removed last, for ten minutes or until you quit", run: func(c *conversation, ctx context.Context, _ string) error { return c.putBack(ctx) }},
		{names: []string{"activity", "log"}, takes: "[all, or NAME]", help: "what was done with the profile, or with all", run: (*conversation).activity},
		{names: []string{"help", "h", "?"}, help: "this list", run: does(func(c *conversation, _ string) { c.sayHelp() })},
		{names: []string{"quit", "q"}, help: "quit", run: func(*conversation, context.Context, string) error { return errQuit }},
	}
}

// does turns a function that only says something into a command.
func does(what func(*conversation, string)) func(*conversation, context.Context, string) error {
	return func(c *conversation, _ context.Context, rest string) error {
		what(c, rest)
		return nil
	}
}

// do carries out a line: a command and its arguments, or else the name of a profile
// to choose.
func (c *conversation) do(ctx context.Context, line string) error {
	c.removed.Expire(c.now())
	if err := c.load(); err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	for _, cmd := range commands() {
		for _, name := range cmd.names {
			if !strings.EqualFold(word, name) {
				continue
			}
			switch {
			case cmd.about != nil:
				return c.doAbout(ctx, cmd, rest)
			case rest != "" && cmd.takes == "":
				c.say("Nothing may follow %s; nothing was done.", cmd.names[0])
				return nil
			}
			return cmd.run(c, ctx, rest)
		}
	}
	if line != "" {
		c.choose(line)
	}
	return nil
}

// doAbout carries out a command about a profile. If a name follows, that profile
// becomes the chosen one. A command never acts on the chosen profile if something
// else was named.
func (c *conversation) doAbout(ctx context.Context, cmd command, rest string) error {
	name, option := rest, ""
	for parts, i := strings.Fields(rest), 0; cmd.option != nil && i < len(parts); i++ {
		if last := strings.Join(parts[i:], " "); cmd.option(last) {
			name, option = strings.Join(parts[:i], " "), last
			break
		}
	}
	if name != "" && !c.reach(name) {
		if cmd.takes != "" {
			c.say("Nothing was done. %s takes a profile's name, and %s.", cmd.names[0], strings.Trim(cmd.takes, "[]"))
		}
		return nil
	}
	p, ok := c.current()
	if !ok {
		c.say("Choose a profile first: type its number or its name.")
		return nil
	}
	return cmd.about(c, ctx, p, option)
}

func (c *conversation) sayHelp() {
	for _, cmd := range commands() {
		head := cmd.names[0]
		if len(cmd.names) > 1 {
			head += " (" + strings.Join(cmd.names[1:], ", ") + ")"
		}
		if cmd.takes != "" {
			head += " " + cmd.takes
		}
		c.say("%s: %s.", head, cmd.help)
	}
	c.say("A command acts on the chosen profile, or on the one named after it: copy acme live.")
}

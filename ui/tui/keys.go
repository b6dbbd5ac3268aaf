package tui

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/ui/words"
)

// binding is a key on the main screen and what it does. The footer, the help and
// the README's table are made from the bindings.
type binding struct {
	key.Binding                    // its keys, and their short name for the footer
	group       string             // heading in the help
	long        string             // what it does, for the help
	command     string             // the command line that does the same, "" if none does; see commandFor
	foot        int                // position in the footer, 0 if it is not there
	run         func(*app) tea.Cmd // what it does
	why         func(*app) string  // why it cannot work now; "" or a nil func if it can
	quiet       func(*app) bool    // it works, but the footer has more useful keys to show
	when        func(*app) string  // another short name for the footer, "" for the usual one
}

// unavailable says why the key cannot work now, "" if it can.
func (b *binding) unavailable(a *app) string {
	if b.why == nil {
		return ""
	}
	return b.why(a)
}

// Key is one row of the key table in the README.
type Key struct{ Group, Keys, Does string }

// Keys lists the key bindings of the main screen, in the order of the help.
func Keys() []Key {
	var rows []Key
	for _, b := range bindings() {
		rows = append(rows, Key{b.group, b.Help().Key, b.long})
	}
	return rows
}

func bind(keys, shown, short string) key.Binding {
	return key.NewBinding(key.WithKeys(strings.Fields(keys)...), key.WithHelp(shown, short))
}

// noCmd turns a function without a command into one for a key.
func noCmd(f func(*app)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd {
		f(a)
		return nil
	}
}

// moveBy moves the cursor, or scrolls the details while they have the keys.
func moveBy(n func(*app) int) func(*app) tea.Cmd {
	return noCmd(func(a *app) {
		if a.detail.open {
			a.detail.top = max(a.detail.top+n(a), 0)
			return
		}
		a.list.moveBy(n(a))
	})
}

const (
	groupMove    = "Moving"
	groupToken   = "Tokens"
	groupAccount = "Accounts"
	groupApp     = "kitekey"
)

// bindings returns all keys of the main screen.
func bindings() []binding {
	return []binding{
		{Binding: bind("up k", "↑ k", "up"), group: groupMove, long: "one up", run: moveBy(func(a *app) int { return -1 })},
		{Binding: bind("down j", "↓ j", "down"), group: groupMove, long: "one down", run: moveBy(func(a *app) int { return 1 })},
		{Binding: bind("pgup ctrl+b", "pgup", "page up"), group: groupMove, long: "one page up", run: moveBy(func(a *app) int { return -a.list.page })},
		{Binding: bind("pgdown ctrl+f", "pgdn", "page down"), group: groupMove, long: "one page down", run: moveBy(func(a *app) int { return a.list.page })},
		{Binding: bind("ctrl+u", "ctrl+u", "half up"), group: groupMove, long: "half a page up", run: moveBy(func(a *app) int { return -max(a.list.page/2, 1) })},
		{Binding: bind("ctrl+d", "ctrl+d", "half down"), group: groupMove, long: "half a page down", run: moveBy(func(a *app) int { return max(a.list.page/2, 1) })},
		{Binding: bind("home g", "home g", "first"), group: groupMove, long: "the first", run: moveBy(func(a *app) int { return -len(a.list.profiles) })},
		{Binding: bind("end G", "end G", "last"), group: groupMove, long: "the last", run: moveBy(func(a *app) int { return len(a.list.profiles) })},
		{Binding: bind("/", "/", "filter"), group: groupMove, long: "filter by account, environment, verdict or label", foot: 50, run: (*app).startFilter, why: hasProfiles},
		{Binding: bind("tab", "tab", "environment"), group: groupMove, long: "the account's other environment", foot: 55, run: noCmd((*app).otherEnvironment), why: hasProfile},
		{Binding: bind("enter l right", "enter", "open"), group: groupMove, long: "open the profile; scroll its details (l does too)", foot: 25, run: noCmd((*app).openDetail), why: hasProfile, quiet: func(a *app) bool { return a.detail.open || a.wide() }},
		{Binding: bind("h left", "h", "list"), group: groupMove, long: "back from the details to the list", run: noCmd(func(a *app) { a.detail = detail{} }), quiet: func(*app) bool { return true }},
		{Binding: bind("esc", "esc", "back"), group: groupMove, long: "back; stop what is under way; hide what is shown; dismiss a message; clear the filter", foot: 26, run: noCmd((*app).back), quiet: func(a *app) bool { return !a.canGoBack() }, when: func(a *app) string {
			if a.busyTask() != nil {
				return "stop"
			}
			if a.reveal.id != "" {
				return "hide"
			}
			return ""
		}},
		{Binding: bind("o", "o", "order"), group: groupMove, long: "order by name, by last use or failing first", run: noCmd((*app).changeOrder), why: hasProfiles},
		{Binding: bind("t", "t", "tokens"), group: groupMove, long: "unexpired tokens, soonest to expire first; again: all profiles", command: "kitekey list", foot: 45, run: noCmd(func(a *app) { a.list.toggleTokensOnly(a.now) }), why: hasProfiles, when: func(a *app) string {
			if a.list.tokensOnly {
				return "all profiles"
			}
			return ""
		}},

		{Binding: bind("c", "c", "copy"), group: groupToken, long: "copy the Authorization header; mints a token first when there is no unexpired one", command: "kitekey copy SELECTOR", foot: 10, run: (*app).copyHeader, why: canMint},
		{Binding: bind("C", "C", "copy as"), group: groupToken, long: "copy the header, the bare token or a curl command", command: "kitekey copy SELECTOR --as token", run: noCmd((*app).copyAs), why: canMint},
		{Binding: bind("m", "m", "mint"), group: groupToken, long: "mint a token; asks for its expires_in", command: "kitekey token SELECTOR --fresh --expires-in 5m", foot: 15, run: (*app).openMint, why: canMint},
		{Binding: bind("n", "n", "again"), group: groupToken, long: "mint again with the same expires_in, and copy the header", command: "kitekey copy SELECTOR --fresh", foot: 12, run: (*app).mintAgain, why: hadToken, when: func(a *app) string { return a.offered("n", "again") }, quiet: func(a *app) bool {
			return !a.notices.offers("n") && (a.chosen() == nil || words.TokenStateOf(a.chosen().Token, a.now) < words.Low)
		}},
		{Binding: bind("K", "K", "keep alive"), group: groupToken, long: "keep a token alive: mint another shortly before it ends, until switched off or kitekey quits", run: (*app).toggleKeepAlive, why: canMint},
		{Binding: bind("f", "f", "forget"), group: groupToken, long: "forget the cached token", command: "kitekey forget SELECTOR", run: (*app).forget, why: hasToken},
		{Binding: bind("s", "s", "show credential"), group: groupToken, long: "show the api_key and the api_secret for 20 seconds; again: hide", run: (*app).showCredential, why: canShow},
		{Binding: bind("S", "S", "show header"), group: groupToken, long: "show the Authorization header for 20 seconds; again: hide", command: "kitekey token SELECTOR --header", run: (*app).showHeader, why: canShowToken},
		{Binding: bind("x", "x", "clear clipboard"), group: groupToken, long: "clear the copy from the clipboard", run: (*app).clearClipboard, why: inClipboard},

		{Binding: bind("v", "v", "verify"), group: groupAccount, long: "verify the credential with a test mint", command: "kitekey verify SELECTOR", foot: 30, run: (*app).verifyOne, why: hasProfile},
		{Binding: bind("V", "V", "verify all"), group: groupAccount, long: "verify every profile in the list", command: "kitekey verify --all", run: (*app).verifyAll, why: hasProfile},
		{Binding: bind("w", "w", "why"), group: groupAccount, long: "what the last verdict means and what to do next; a report to copy for a ticket", foot: 5, run: noCmd((*app).openVerdict), why: hasVerdict, quiet: func(a *app) bool { return !a.troubled() }},
		{Binding: bind("a", "a", "add"), group: groupAccount, long: "add a credential", command: "kitekey add ACCOUNT", foot: 60, run: noCmd((*app).openAdd)},
		{Binding: bind("e", "e", "edit"), group: groupAccount, long: "edit name, label and default expires_in", command: "kitekey edit SELECTOR --label TEXT", run: noCmd((*app).openEdit), why: hasProfile},
		{Binding: bind("r", "r", "rotate"), group: groupAccount, long: "replace the credential once the new one is verified; finish or undo a replacement", command: "kitekey rotate SELECTOR", run: (*app).openRotate, why: hasProfile},
		{Binding: bind("d delete", "d", "remove"), group: groupAccount, long: "remove the profile and its credential from this machine", command: "kitekey remove SELECTOR", run: noCmd((*app).openRemove), why: hasProfile},
		{Binding: bind("u", "u", "put back"), group: groupAccount, long: "put back what was removed last, for ten minutes or until kitekey quits or locks", foot: 11, run: (*app).putBack, why: canPutBack},

		{Binding: bind("R", "R", "refresh"), group: groupAccount, long: "ask the team's sources which profiles they have", command: "kitekey source sync", run: (*app).syncSources, why: canRefresh},

		{Binding: bind("Z", "Z", "lock"), group: groupApp, long: "lock: clear secrets from memory and hide the screen", run: (*app).lockByKey},
		{Binding: bind("F", "F", "file store"), group: groupApp, long: "use the file store, when the keyring cannot be reached", foot: 8, run: (*app).chooseOtherStore, why: canUseOtherStore},
		{Binding: bind("ctrl+l", "ctrl+l", "repaint"), group: groupApp, long: "draw the screen again", run: func(*app) tea.Cmd { return tea.ClearScreen }},
		{Binding: bind("L", "L", "activity"), group: groupApp, long: "the activity log", command: "kitekey log", run: (*app).openActivity},
		{Binding: bind("H", "H", "messages"), group: groupApp, long: "earlier messages", run: noCmd((*app).openHistory)},
		{Binding: bind("M", "M", "mouse"), group: groupApp, long: "mouse on or off (off: the terminal selects text)", run: noCmd((*app).toggleMouse)},
		{Binding: bind("ctrl+z", "ctrl+z", "suspend"), group: groupApp, long: "lock and suspend", run: (*app).suspend},
		{Binding: bind(": ctrl+p", ":", "actions"), group: groupApp, long: "every action: type to find one, enter runs it", foot: 88, run: noCmd((*app).openActions)},
		{Binding: bind("? f1", "?", "help"), group: groupApp, long: "help: the same list; in a dialog, its keys", foot: 90, run: noCmd((*app).openActions)},
		{Binding: bind("q ctrl+c", "q", "quit"), group: groupApp, long: "quit", foot: 95, run: (*app).quit},
	}
}

// demoBindings returns the bindings of the demo, where R starts over: it has no
// sources to refresh.
func demoBindings() []binding {
	all := bindings()
	over := binding{Binding: bind("R", "R", "start over"), group: groupApp, long: "start the demo over", foot: 70, run: func(a *app) tea.Cmd {
		a.startOver = true
		return a.quit()
	}}
	for i := range all {
		if all[i].Help().Key == over.Help().Key {
			all[i] = over
		}
	}
	return all
}

// Reasons for which a key may not work now.

func hasProfiles(a *app) string {
	if len(a.list.profiles) == 0 {
		return "there is no profile yet; a adds one"
	}
	return ""
}

func hasProfile(a *app) string {
	if why := hasProfiles(a); why != "" {
		return why
	}
	if a.chosen() == nil {
		if a.list.tokensOnly {
			return "no unexpired token; t goes back to all profiles"
		}
		return "nothing matches the filter; esc clears it"
	}
	return ""
}

func canMint(a *app) string {
	if why := hasProfile(a); why != "" {
		return why
	}
	if a.o.SandboxOnly && a.chosen().Environment == kite.Live {
		return "live is not available: kitekey was started with --sandbox-only"
	}
	if t := a.tasks.about(a.chosen().ID); t != nil {
		return "still " + t.doing + ": esc stops it"
	}
	return ""
}

func canShow(a *app) string { return cmp.Or(hasProfile(a), a.mayReveal()) }

func canShowToken(a *app) string { return cmp.Or(hasToken(a), a.mayReveal()) }

func hadToken(a *app) string {
	if why := canMint(a); why != "" {
		return why
	}
	if a.chosen().Token.Deadline.IsZero() {
		return "no token to repeat: m mints one"
	}
	return ""
}

func hasToken(a *app) string {
	if why := hasProfile(a); why != "" {
		return why
	}
	if !a.chosen().Token.Unexpired(a.now) {
		return "no unexpired token here; m mints one"
	}
	return ""
}

func hasVerdict(a *app) string {
	if why := hasProfile(a); why != "" {
		return why
	}
	if a.chosen().Verdict == "" {
		return "not verified yet: v verifies it"
	}
	return ""
}

func inClipboard(a *app) string {
	if !a.clip.until.After(a.now) {
		return "the clipboard holds nothing from kitekey"
	}
	return ""
}

// offered returns what a key does if a message offers it for another profile than
// the chosen one, and "" otherwise.
func (a *app) offered(key, does string) string {
	if p := a.profileByID(a.notices.current.id); p != nil && a.notices.offers(key) {
		return does + " " + p.Selector.String()
	}
	return ""
}

// hint is one entry of a footer.
type hint struct{ key, does string }

// hints returns the bindings that work now, in the footer's order.
func (a *app) hints() []hint {
	var out []hint
	var order []int
	for i := range a.keys {
		b := &a.keys[i]
		if b.foot == 0 || b.unavailable(a) != "" && !a.notices.offers(b.Help().Key) || b.quiet != nil && b.quiet(a) {
			continue
		}
		at := len(order)
		for at > 0 && a.keys[order[at-1]].foot > b.foot {
			at--
		}
		order = append(order[:at], append([]int{i}, order[at:]...)...)
	}
	for _, i := range order {
		b := &a.keys[i]
		does := b.Help().Desc
		if b.when != nil && b.when(a) != "" {
			does = b.when(a)
		}
		out = append(out, hint{b.Help().Key, does})
	}
	return out
}

// press runs the binding of a key on the main screen. A key that a message offers
// acts on the message's profile.
func (a *app) press(msg tea.KeyPressMsg) tea.Cmd {
	for i := range a.keys {
		b := &a.keys[i]
		if !key.Matches(msg, b.Binding) {
			continue
		}
		if a.notices.offers(msg.String()) {
			a.list.reach(a.notices.current.id, a.now)
		}
		return a.runBinding(b)
	}
	if r, _ := utf8.DecodeRuneInString(msg.Text); r >= utf8.RuneSelf && unicode.IsLetter(r) { // another keyboard layout
		a.notify(info, "the keys are Latin letters; this one types "+msg.Text)
	}
	return nil
}

// runBinding runs a binding, or says why it cannot work.
func (a *app) runBinding(b *binding) tea.Cmd {
	if why := b.unavailable(a); why != "" {
		a.notify(info, b.Help().Desc+": "+why)
		return nil
	}
	return b.run(a)
}

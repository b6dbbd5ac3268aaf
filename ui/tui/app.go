package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/process"
	"kitekey/vault"
)

// app is the model: what the screen shows and what is under way. Its parts have
// their own files and methods; methods that need more than their part take the app.
type app struct {
	o    Options
	ctx  context.Context
	keys []binding

	canvas
	layout     layout
	mouse      bool
	ticking    bool // the next tick is scheduled
	startOver  bool // the demo is to start over
	otherStore bool // the user chose Options.OtherStore

	list     list
	detail   detail
	activity activity // of every profile, for the details
	dialogs
	notices notices
	clip    clipStatus
	reveal  revealed
	lock    locker
	term    terminal

	tasks  tasks
	keep   keepAlive
	expiry expiryWatch
	guard  *handout.Guard
	tokens *handout.Tokens
	memory memory
	results
	removed vault.Removals // profiles that can be put back
	agreed  kite.Lifetime  // the longest life of a token that the person agreed to
}

// Init implements [tea.Model].
func (a *app) Init() tea.Cmd {
	ask := tea.RequestBackgroundColor
	if a.o.Theme != ThemeAuto {
		ask = nil
	}
	return tea.Batch(ask, a.reload(), a.openStore(), a.lock.arm(a), a.waitForSession())
}

// Update implements [tea.Model].
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	a.now = a.o.Now().Round(0)
	a.expire()
	cmd := a.handle(msg)
	if a.lock.locked {
		process.ClearStack()
	}
	a.arrange()
	return a, tea.Batch(cmd, a.heartbeat(), a.activity.load(a))
}

func (a *app) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg, tea.BackgroundColorMsg, tea.ColorProfileMsg, tea.ModeReportMsg:
		a.learn(msg)
	case stopMsg:
		return a.suspendSince(msg.continued)
	case lockedMsg:
		return a.stop(msg.continued)
	case continueMsg:
		return a.takeBack()
	case tea.FocusMsg:
		// The clock was read; other processes may have minted meanwhile.
		return tea.Batch(a.lock.ifIdle(a), a.reload())
	case tickMsg:
		a.ticking = false
		return tea.Batch(a.keep.tick(a), a.expiry.warn(a), a.refresh())
	case sessionLockMsg:
		return a.lockWithSession(msg)
	case lockTimerMsg:
		a.lock.timer = false
		return tea.Batch(a.lock.ifIdle(a), a.lock.arm(a))
	case reply:
		return a.finish(msg)
	case sayMsg:
		a.notify(info, string(msg))
	case clipboardEndedMsg:
		a.clipboardEnded(msg)
	case verifiedMsg:
		return msg.run.verified(a, msg)
	default:
		return a.handInput(msg)
	}
	return nil
}

// handInput handles the user's input.
func (a *app) handInput(msg tea.Msg) tea.Cmd {
	if a.tooEarly(msg) {
		a.list.early = append(a.list.early, msg)
		return a.noteInput()
	}
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return a.keyPress(msg)
	case tea.PasteMsg:
		idle := a.noteInput()
		return tea.Batch(idle, a.paste(msg))
	case tea.MouseMsg:
		idle := a.noteInput()
		return tea.Batch(idle, a.mouseEvent(msg))
	}
	return nil
}

// tooEarly reports whether a key or a paste came before the profiles are read, and
// waits for them: it would be told that there are none.
func (a *app) tooEarly(msg tea.Msg) bool {
	if a.list.loaded || a.lock.locked {
		return false
	}
	switch msg := msg.(type) {
	case tea.PasteMsg:
		return true
	case tea.KeyPressMsg:
		return !slices.Contains([]string{"ctrl+c", "ctrl+l", "ctrl+z"}, msg.String()) && (msg.String() != "q" || len(a.list.early) > 0)
	}
	return false
}

// handEarly handles the input that waited for the profiles.
func (a *app) handEarly() tea.Cmd {
	early := a.list.early
	a.list.early = nil
	var cmds []tea.Cmd
	for _, msg := range early {
		if !a.lock.locked {
			cmds = append(cmds, a.handInput(msg))
		}
	}
	return tea.Batch(cmds...)
}

// learn records what the terminal says about itself.
func (a *app) learn(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		if a.o.Theme != ThemeAuto {
			return
		}
		a.bg = light
		if msg.IsDark() {
			a.bg = dark
		}
		a.restyle()
	case tea.ColorProfileMsg:
		a.profile = msg.Profile
		a.restyle()
	case tea.ModeReportMsg:
		if msg.Mode != ansi.ModeUnicodeCore || msg.Value == ansi.ModeNotRecognized || msg.Value == ansi.ModePermanentlyReset {
			return
		}
		a.method = ansi.GraphemeWidth
		if a.term.output != nil {
			a.term.output.graphemes.Store(true)
		}
	}
}

// noteInput records input from the user. After a long absence it locks first, so that
// the input that wakes the screen does nothing else.
func (a *app) noteInput() tea.Cmd {
	idle := a.lock.ifIdle(a)
	a.lock.lastInput = a.now
	return idle
}

func (a *app) keyPress(msg tea.KeyPressMsg) tea.Cmd {
	idle := a.noteInput()
	switch {
	case a.tooSmall() && msg.String() != "ctrl+c":
		return idle // a key must not act on what the user cannot see
	case msg.String() == "ctrl+l":
		return tea.ClearScreen
	case a.lock.locked:
		return tea.Batch(idle, a.lock.key(a, msg))
	case msg.String() == "ctrl+z":
		return a.suspend()
	case msg.String() == "ctrl+c":
		return a.quit()
	case a.dialog() != nil:
		return a.updateDialog(msg)
	case a.list.typing:
		return a.list.filterKey(msg, a.now)
	}
	return a.press(msg)
}

func (a *app) paste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case a.lock.locked && a.lock.needPass:
		a.lock.passphrase.update(msg)
	case a.lock.locked:
	case a.dialog() != nil:
		return a.pastedIntoDialog(msg)
	case a.pastedOntoList(msg.Content):
	case a.list.typing:
		return a.list.filterKey(msg, a.now)
	case strings.TrimSpace(msg.Content) != "":
		a.notify(info, "no credential was found in the pasted text; a opens a form to paste into")
	}
	return nil
}

// expire removes what has been there long enough.
func (a *app) expire() {
	a.notices.expire(a.now)
	a.clip.expire(a.now)
	a.reveal.expire(a.now)
	a.removed.Expire(a.now)
	if a.list.tokensOnly {
		a.list.keepChosen(a.now) // an expired token leaves the list of tokens
	}
}

// refresh reads the index again now and then while tokens count down, because
// scripts mint and forget too.
func (a *app) refresh() tea.Cmd {
	if a.now.Second()%10 == 0 {
		return a.reload()
	}
	return nil
}

// setProfiles replaces the profiles with those in the index.
func (a *app) setProfiles(profiles []vault.Profile) {
	kept, reasons := make([]vault.Profile, 0, len(profiles)), map[string]string{}
	for _, p := range profiles {
		if a.o.SandboxOnly && p.Environment == kite.Live {
			continue
		}
		p.Label = kite.CleanText(p.Label)
		a.results.apply(&p, a.now)
		reasons[p.ID] = reasonOf(a.reportFor(&p))
		kept = append(kept, p)
	}
	first := !a.list.loaded
	a.list.set(kept, reasons, a.now)
	a.names.Set(len(kept), func(i int) string { return kept[i].Account })
	if first {
		a.chooseLastUsed()
	}
	a.activity.stale = true
}

// chosen returns the profile under the cursor, nil if there is none.
func (a *app) chosen() *vault.Profile { return a.list.chosen() }

// profileByID returns a profile, nil if it no longer exists.
func (a *app) profileByID(id string) *vault.Profile { return a.list.byID(id) }

// busyTask returns the task that esc stops: the chosen profile's, or else the one
// that was started last.
func (a *app) busyTask() *task {
	if p := a.chosen(); p != nil {
		if t := a.tasks.about(p.ID); t != nil {
			return t
		}
	}
	return a.tasks.newest()
}

func (a *app) canGoBack() bool {
	return a.notices.current.kind == failure || a.reveal.id != "" || a.detail.open || a.list.tokensOnly || a.list.filtered() || a.busyTask() != nil
}

// back handles esc: it undoes the most recent of the things that can be undone.
func (a *app) back() {
	switch t := a.busyTask(); {
	case t != nil:
		a.tasks.stop(t)
		a.notify(info, "stopped "+t.doing)
	case a.reveal.id != "":
		a.reveal.hide()
	case a.notices.current.kind == failure:
		a.notices.dismiss()
	case a.detail.open:
		a.detail = detail{}
	case a.list.filtered():
		a.list.clearFilter(a.now)
	case a.list.tokensOnly:
		a.list.toggleTokensOnly(a.now)
	default:
		a.notices.dismiss()
	}
}

func (a *app) quit() tea.Cmd {
	if f := a.unsaved(); f != nil {
		a.push(discardQuestion(f, true))
		return nil
	}
	a.tasks.stopAll(true)
	return tea.Quit
}

func (a *app) toggleMouse() {
	a.mouse = !a.mouse
	if a.mouse {
		a.notify(info, "mouse on: click chooses, the wheel scrolls; M gives text selection back")
		return
	}
	a.notify(info, "mouse off")
}

// View implements [tea.Model]. It draws what Update has laid out and changes
// nothing.
func (a *app) View() tea.View {
	var v tea.View
	v.AltScreen = true
	v.ReportFocus = true
	v.WindowTitle = a.windowTitle()
	v.ProgressBar = a.progress()
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	v.Content = strings.Join(a.draw(), "\n")
	return v
}

// heartbeat schedules the next tick on the next second of the wall clock, unless
// one is scheduled or nothing counts down.
func (a *app) heartbeat() tea.Cmd {
	if a.ticking || !a.counts() {
		return nil
	}
	a.ticking = true
	now := a.o.Now()
	wait := now.Truncate(time.Second).Add(time.Second).Sub(now)
	return a.after(wait, tickMsg{})
}

// counts reports whether anything on the screen changes every second.
func (a *app) counts() bool {
	if a.lock.locked {
		return a.keep.ID != ""
	}
	if a.tasks.shown() || a.clip.until.After(a.now) || a.reveal.until.After(a.now) || a.keep.ID != "" || a.notices.current.until.After(a.now) {
		return true
	}
	return a.list.unexpired(a.now) > 0
}

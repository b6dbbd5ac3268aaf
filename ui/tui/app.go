package tui

import (
	"context"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/vault"
)

// app is the model: everything the screen shows and everything under way.
type app struct {
	o   Options
	ctx context.Context
	screen
	st      styles
	dark    bool
	profile colorprofile.Profile
	keys    []binding

	now     time.Time // the wall clock when the current message came
	ticking bool      // a heartbeat is on its way

	loaded   bool
	profiles []vault.Profile // as the index lists them
	texts    []string        // what the filter looks at, one per profile
	rows     []row           // what the filter and the order leave of them
	cursor   int             // chosen row
	top      int             // first row on the screen
	filter   textinput.Model
	typing   bool // the filter has the keys
	byUse    bool // ordered by last use
	board    bool // live tokens only, soonest to expire first

	detail    bool // the details have the keys; on a narrow screen, the whole screen
	detailTop int  // first line of them on the screen
	mouse     bool

	dialogs []dialog // the last one has the keys

	seq     int
	tasks   map[int]*task
	notice  notice
	history []notice

	clip    clip
	caveat  string // what the clipboard cannot promise, as last said
	shown   shown
	keep    keepAlive
	warned  map[string]time.Time // deadline for which a notice was given, by profile
	watched map[string]bool      // profiles whose token this session minted or copied
	gates   map[string]time.Time // until when live is open, by account
	reports map[string]vault.Report

	locked     bool
	unlocking  string // what goes on, or went wrong, at unlocking
	needPass   bool   // the store wants its passphrase
	passphrase secretInput
	lastInput  time.Time
	lockTimer  bool
}

// dialog is what lies over the panes and has the keys while it does.
type dialog interface {
	title() string
	// update handles a key press or a paste.
	update(a *app, msg tea.Msg) tea.Cmd
	// lines draws the inside, at most w cells wide.
	lines(a *app, w int) []string
	// hints are its keys, for the footer.
	hints(a *app) []hint
}

func (a *app) push(d dialog) tea.Cmd {
	a.dialogs = append(a.dialogs, d)
	return nil
}

// drop takes d and whatever lies above it away.
func (a *app) drop(d dialog) {
	for i, other := range a.dialogs {
		if other == d {
			clear(a.dialogs[i:])
			a.dialogs = a.dialogs[:i]
			return
		}
	}
}

func (a *app) dialog() dialog {
	if len(a.dialogs) == 0 {
		return nil
	}
	return a.dialogs[len(a.dialogs)-1]
}

func (a *app) restyle() { a.st = newStyles(a.dark, a.profile, a.o.ASCII) }

func newTextInput(placeholder string) textinput.Model {
	t := textinput.New()
	t.Prompt = ""
	t.Placeholder = placeholder
	// ctrl+v in the widget reads the system clipboard by itself; a terminal's own
	// paste arrives as a message anyway.
	t.KeyMap.Paste.Unbind()
	// A cursor that does not blink needs no timer and leaves the screen calm.
	t.SetStyles(textinput.Styles{Cursor: textinput.CursorStyle{Shape: tea.CursorBlock}})
	return t
}

// drawInput draws a text input w cells wide.
func (a *app) drawInput(t textinput.Model, w int) string {
	look := textinput.StyleState{Placeholder: lipgloss.NewStyle().Foreground(a.st.palette.dim)}
	t.SetStyles(textinput.Styles{Focused: look, Blurred: look, Cursor: textinput.CursorStyle{Shape: tea.CursorBlock}})
	t.SetWidth(max(w-1, 1))
	t.SetCursor(t.Position())
	return t.View()
}

// Init implements [tea.Model].
func (a *app) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.reload(), a.armLock())
}

// Update implements [tea.Model].
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	a.now = a.o.Now().Round(0)
	a.expire()
	cmd := a.handle(msg)
	return a, tea.Batch(cmd, a.heartbeat())
}

func (a *app) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		a.scroll()
	case tea.BackgroundColorMsg:
		a.dark = msg.IsDark()
		a.restyle()
	case tea.ColorProfileMsg:
		a.profile = msg.Profile
		a.restyle()
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && msg.Value != ansi.ModeNotRecognized && msg.Value != ansi.ModePermanentlyReset {
			a.method = ansi.GraphemeWidth
		}
	case tea.FocusMsg, tea.ResumeMsg:
		// The clock has been read; other processes may have minted meanwhile.
		return tea.Batch(a.lockIfIdle(), a.reload())
	case tickMsg:
		a.ticking = false
		return tea.Batch(a.keepAliveTick(), a.warn(), a.refresh())
	case lockTimerMsg:
		a.lockTimer = false
		return tea.Batch(a.lockIfIdle(), a.armLock())
	case reply:
		return a.finish(msg)
	case verifiedMsg:
		return a.verified(msg)
	case tea.KeyPressMsg:
		return a.keyPress(msg)
	case tea.PasteMsg:
		idle := a.touch()
		return tea.Batch(idle, a.paste(msg))
	case tea.MouseMsg:
		idle := a.touch()
		return tea.Batch(idle, a.click(msg))
	}
	return nil
}

// touch notes that somebody is here. After a long absence it locks first: what
// wakes the screen must not also act on it.
func (a *app) touch() tea.Cmd {
	idle := a.lockIfIdle()
	a.lastInput = a.now
	return idle
}

func (a *app) keyPress(msg tea.KeyPressMsg) tea.Cmd {
	idle := a.touch()
	switch {
	case a.tooSmallToUse() && msg.String() != "ctrl+c":
		return idle // nobody should act on what they cannot see
	case a.locked:
		return tea.Batch(idle, a.lockedKey(msg))
	case msg.String() == "ctrl+z":
		return a.suspend()
	case msg.String() == "ctrl+c":
		return a.quit()
	case a.dialog() != nil:
		return a.dialog().update(a, msg)
	case a.typing:
		return a.filterKey(msg)
	}
	return a.press(msg)
}

func (a *app) paste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case a.locked && a.needPass:
		a.passphrase.update(msg)
	case a.locked:
	case a.dialog() != nil:
		return a.dialog().update(a, msg)
	case a.typing:
		return a.filterKey(msg)
	}
	return nil
}

// expire ends what was there for a while.
func (a *app) expire() {
	if !a.notice.until.IsZero() && !a.notice.until.After(a.now) {
		a.notice = notice{}
	}
	if !a.shown.until.IsZero() && !a.shown.until.After(a.now) {
		a.hide()
	}
	if !a.clip.until.IsZero() && !a.clip.until.After(a.now) {
		a.clip = clip{}
	}
	if a.board {
		a.keepChosen() // a token that has expired leaves the board
	}
}

// refresh reads the index again now and then while tokens count down: scripts
// mint and forget too.
func (a *app) refresh() tea.Cmd {
	if a.now.Second()%10 == 0 {
		return a.reload()
	}
	return nil
}

func (a *app) setProfiles(profiles []vault.Profile) {
	chosen := ""
	if p := a.chosen(); p != nil {
		chosen = p.ID
	}
	a.loaded = true
	a.profiles = profiles
	if a.o.SandboxOnly {
		kept := make([]vault.Profile, 0, len(profiles))
		for _, p := range profiles {
			if p.Environment != kite.Live {
				kept = append(kept, p)
			}
		}
		a.profiles = kept
	}
	for i := range a.profiles {
		p := &a.profiles[i]
		p.Label = kite.CleanText(p.Label)
		// What was seen here is not older news than what the index says, unless
		// another kitekey has replaced the pair since.
		switch r, ok := a.reports[p.ID]; {
		case ok && r.KeyHint != "" && r.KeyHint != p.KeyHint:
			delete(a.reports, p.ID)
		case ok && r.At.After(p.VerdictAt):
			p.Verdict, p.VerdictAt = r.Verdict, r.At
		}
	}
	a.index()
	a.choose(chosen)
}

// profileByID finds a profile, nil when it is gone.
func (a *app) profileByID(id string) *vault.Profile {
	for i := range a.profiles {
		if a.profiles[i].ID == id {
			return &a.profiles[i]
		}
	}
	return nil
}

func (a *app) wide() bool { return a.width >= twoPanes }

func (a *app) canGoBack() bool {
	return a.notice.kind == failure || a.shown.id != "" || a.detail || a.board || a.filter.Value() != "" || a.busyTask() != nil
}

// busyTask is the task that esc stops: the chosen profile's, or any that shows.
func (a *app) busyTask() *task {
	if p := a.chosen(); p != nil {
		if t := a.taskFor(p.ID); t != nil {
			return t
		}
	}
	for _, t := range a.tasks {
		if !t.quiet {
			return t
		}
	}
	return nil
}

// back is esc: it undoes the most recent thing that is in the way.
func (a *app) back() tea.Cmd {
	switch t := a.busyTask(); {
	case t != nil:
		a.stop(t)
		return a.say(info, "stopped "+t.doing)
	case a.shown.id != "":
		a.hide()
	case a.notice.kind == failure:
		a.notice = notice{}
	case a.detail:
		a.detail, a.detailTop = false, 0
	case a.filter.Value() != "":
		a.filter.SetValue("")
		a.keepChosen()
	case a.board:
		return a.toggleBoard()
	default:
		a.notice = notice{}
	}
	return nil
}

func (a *app) quit() tea.Cmd {
	if f := a.unsaved(); f != nil {
		return a.push(discardQuestion(f, true))
	}
	a.stopAll()
	return tea.Quit
}

func (a *app) toggleMouse() tea.Cmd {
	a.mouse = !a.mouse
	if a.mouse {
		return a.say(info, "mouse on: click chooses, the wheel scrolls; M gives text selection back")
	}
	return a.say(info, "mouse off")
}

// View implements [tea.Model].
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

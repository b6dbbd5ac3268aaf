package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/vault"
)

// taskKind is the kind of a task. At most one task of a kind runs per profile.
type taskKind int

const (
	taskReload    taskKind = iota // read the index
	taskReach                     // ask whether the store can be reached
	taskOpen                      // open the store
	taskToken                     // mint a token, or read the cached one
	taskVerify                    // verify one credential
	taskVerifyAll                 // verify many
	taskReveal                    // read what will be shown
	taskForget                    // forget a cached token
	taskAdd                       // save a new profile
	taskEdit                      // save changes to one
	taskRemove                    // remove one
	taskRotate                    // a step of a rotation
	taskSync                      // ask the sources for their names
	taskReport                    // copy a report
	taskClear                     // clear the clipboard
	taskActivity                  // read the activity log
	taskLock                      // lock the store
	taskUnlock                    // unlock it
	taskOverwrite                 // overwrite memory that is no longer used
)

// task is an operation under way that uses the store, the gateway or the clipboard
// and may take some time.
type task struct {
	kind    taskKind
	id      string // the profile that it is about, "" for none
	doing   string // "minting", for the screen
	quiet   bool   // not worth a line on the screen
	form    bool   // saves a form, which shows the outcome
	seq     int
	started time.Time
	cancel  context.CancelFunc
}

// tasks are the tasks under way, in the order of their start.
type tasks struct {
	last    int // number of the newest task
	running []*task
}

// reply is the end of a task. Update calls its function, which changes the screen,
// unless the task was stopped or replaced meanwhile. The function must not hold a
// secret.
type reply struct {
	seq   int
	apply func(*app) tea.Cmd
}

// promptWait is how long a task waits for the user if the operating system asks to
// unlock the keyring. esc stops it at any time.
const promptWait = 2 * time.Minute

// start begins a task: work runs in the background, and Update calls the function
// that it returns. A running task of the same kind for the same profile is stopped
// first.
func (a *app) start(t task, work func(ctx context.Context) func(*app) tea.Cmd) (*task, tea.Cmd) {
	if other := a.tasks.find(t.kind, t.id); other != nil {
		a.tasks.stop(other)
	}
	a.tasks.last++
	t.seq, t.started = a.tasks.last, a.now
	ctx, cancel := context.WithCancel(vault.WithPrompt(a.ctx, promptWait))
	t.cancel = cancel
	a.tasks.running = append(a.tasks.running, &t)
	return &t, func() tea.Msg {
		defer cancel()
		return reply{t.seq, work(ctx)}
	}
}

// run is start for callers that need not hold the task.
func (a *app) run(t task, work func(ctx context.Context) func(*app) tea.Cmd) tea.Cmd {
	_, cmd := a.start(t, work)
	return cmd
}

// finish applies a reply unless its task was stopped or replaced.
func (a *app) finish(r reply) tea.Cmd {
	i := slices.IndexFunc(a.tasks.running, func(t *task) bool { return t.seq == r.seq })
	if i < 0 {
		return nil
	}
	a.tasks.running = slices.Delete(a.tasks.running, i, i+1)
	if r.apply == nil {
		return nil
	}
	return r.apply(a)
}

func (ts *tasks) find(kind taskKind, id string) *task {
	for _, t := range ts.running {
		if t.kind == kind && t.id == id {
			return t
		}
	}
	return nil
}

func (ts *tasks) has(t *task) bool { return t != nil && slices.Contains(ts.running, t) }

func (ts *tasks) stop(t *task) {
	t.cancel()
	ts.running = slices.DeleteFunc(ts.running, func(other *task) bool { return other == t })
}

// stopAll stops every task; those that save a form only if forms is set.
func (ts *tasks) stopAll(forms bool) {
	ts.running = slices.DeleteFunc(ts.running, func(t *task) bool {
		if t.form && !forms {
			return false
		}
		t.cancel()
		return true
	})
}

// about returns the oldest task for a profile that the screen should show, nil if
// there is none.
func (ts *tasks) about(id string) *task {
	for _, t := range ts.running {
		if t.id == id && !t.quiet {
			return t
		}
	}
	return nil
}

// newest returns the newest task that the screen should show, nil if there is none.
func (ts *tasks) newest() *task {
	for _, t := range slices.Backward(ts.running) {
		if !t.quiet {
			return t
		}
	}
	return nil
}

// shown reports whether the screen shows how long a task has taken.
func (ts *tasks) shown() bool {
	return slices.ContainsFunc(ts.running, func(t *task) bool { return !t.quiet || t.form })
}

// reload reads the index again. It asks neither the store nor the gateway.
func (a *app) reload() tea.Cmd { return a.reloadAndChoose("") }

// reloadAndChoose reads the index again and puts the cursor on a profile; "" keeps
// the chosen one.
func (a *app) reloadAndChoose(id string) tea.Cmd {
	v := a.o.Vault
	return a.run(task{kind: taskReload, quiet: true}, func(context.Context) func(*app) tea.Cmd {
		profiles, err := v.List()
		return func(a *app) tea.Cmd {
			if err != nil {
				a.list.loaded, a.list.early = true, nil
				a.reportError("", "reading the list of profiles", err)
				return nil
			}
			a.setProfiles(profiles)
			if id != "" {
				a.list.reach(id, a.now)
			}
			return tea.Batch(a.checkStore(), a.handEarly())
		}
	})
}

// after sends msg after d, or nothing if the program ends first. [tea.Tick] would
// keep its goroutine until then.
func (a *app) after(d time.Duration, msg tea.Msg) tea.Cmd {
	ctx := a.ctx
	return func() tea.Msg {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return msg
		case <-ctx.Done():
			return nil
		}
	}
}

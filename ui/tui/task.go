package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/vault"
)

// task is one operation under way: something that asks the store, the gateway
// or the clipboard and may take its time.
type task struct {
	seq     int
	id      string // the profile it is about, "" for none
	verb    string // one of a kind per profile: a newer one replaces it
	doing   string // "minting", for the screen
	started time.Time
	cancel  context.CancelFunc
	quiet   bool // not worth a line on the screen
	form    bool // saves a form, which wants to know what came of it
}

// reply is what every task ends with. What it found is applied to the screen by
// Update, and only if nobody has stopped or replaced the task since. The
// function must not hold a secret.
type reply struct {
	seq   int
	apply func(*app) tea.Cmd
}

// promptWait is how long a task waits for the person whom the operating system
// asks to unlock the keyring. It can be stopped with esc all the while.
const promptWait = 2 * time.Minute

// start runs work away from the screen and applies what it returns. At most one
// task of a verb runs per profile: starting another stops the first.
func (a *app) start(t task, work func(ctx context.Context) func(*app) tea.Cmd) tea.Cmd {
	for _, other := range a.tasks {
		if other.id == t.id && other.verb == t.verb {
			a.stop(other)
		}
	}
	a.seq++
	t.seq, t.started = a.seq, a.now
	ctx, cancel := context.WithCancel(vault.WithPrompt(a.ctx, promptWait))
	t.cancel = cancel
	a.tasks[t.seq] = &t
	return func() tea.Msg {
		defer cancel()
		return reply{t.seq, work(ctx)}
	}
}

// finish applies a reply unless it is stale.
func (a *app) finish(r reply) tea.Cmd {
	if a.tasks[r.seq] == nil {
		return nil
	}
	delete(a.tasks, r.seq)
	if r.apply == nil {
		return nil
	}
	return r.apply(a)
}

func (a *app) stop(t *task) {
	t.cancel()
	delete(a.tasks, t.seq)
}

func (a *app) stopAll() {
	for _, t := range a.tasks {
		a.stop(t)
	}
}

// taskFor is the task under way for a profile that the screen should show, nil
// for none.
func (a *app) taskFor(id string) *task {
	var found *task
	for _, t := range a.tasks {
		if t.id == id && !t.quiet && (found == nil || t.seq < found.seq) {
			found = t
		}
	}
	return found
}

// taskShown reports whether the time of some task is on the screen.
func (a *app) taskShown() bool {
	for _, t := range a.tasks {
		if !t.quiet {
			return true
		}
	}
	return false
}

// reload reads the index again. It asks neither the store nor the gateway.
func (a *app) reload() tea.Cmd {
	v := a.o.Vault
	return a.start(task{verb: "reload", quiet: true}, func(context.Context) func(*app) tea.Cmd {
		profiles, err := v.List()
		return func(a *app) tea.Cmd {
			if err != nil {
				a.loaded = true
				return a.fail("", "reading the list of profiles", err)
			}
			a.setProfiles(profiles)
			return nil
		}
	})
}

// after sends msg when d has passed, or nothing when the program ends before:
// [tea.Tick] would keep its goroutine until then.
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

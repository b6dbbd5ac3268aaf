package vault

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The activity log says what was done with which profile, by which command and why,
// so that a user can find out later how a credential was used. An entry is written
// when its outcome is known. The log holds no secret, no token, no body of a
// request and none of the gateway's words. It has one line of JSON per entry, in
// two files: a full activity.jsonl becomes activity.jsonl.1 and replaces the older
// one.
const (
	activityFile     = "activity.jsonl"
	activityPrevious = "activity.jsonl.1"
	activityLock     = "activity"
	activityLimit    = 1 << 20 // bytes per file, some 7,000 entries
	activityWait     = time.Second
	maxReason        = 200 // characters
	maxPlace         = 100 // characters of a name or place before and after
)

// Action is what was done.
type Action string

// The actions that are logged.
const (
	ActionAdded      Action = "added"
	ActionMinted     Action = "minted"
	ActionCopied     Action = "copied"
	ActionRevealed   Action = "revealed"
	ActionVerified   Action = "verified"
	ActionRotated    Action = "rotated"
	ActionReplaced   Action = "replaced" // without verification, by an import
	ActionRolledBack Action = "rolled back"
	ActionConfirmed  Action = "confirmed"
	ActionRenamed    Action = "renamed" // the entry has the new name, or the old one if it failed
	ActionRemoved    Action = "removed"
	ActionExported   Action = "exported"
	ActionHandedOut  Action = "handed out" // a token from the cache
	ActionRequested  Action = "requested"  // a call with a token
	ActionMoved      Action = "moved"      // to another store or source
)

// Activity is an entry of the log.
type Activity struct {
	At time.Time
	Selector
	Action  Action
	Command string // the command that did it, "token"; "screen" for the screen
	Result  string // "ok", a verdict, "outcome unknown", "cancelled" or "failed"
	Parent  string // name of the program that started kitekey, "" where the system does not say
	Reason  string // the reason that the user gave, if any

	Method     string   // of a request
	Path       string   // of a request, with {…} in place of ids and without its query
	Status     int      // HTTP status of the reply to a request, 0 when there was none
	Recipients []string // the recipients that an export was encrypted to

	// The name before and after a renaming, or the store or source before and after a
	// move. Empty in entries of an earlier kitekey.
	From, To string
}

// activityLog stores the entries in a file, or in memory if dir is empty.
type activityLog struct {
	dir     string
	locks   disk.Locker
	command string
	reason  string
	limit   int64

	mu     sync.Mutex // not held while the file is written
	on     *bool      // the setting, once it was read
	memory []Activity
	queue  []Activity    // entries of LogLater
	idle   chan struct{} // closed when the queue has been written; nil when it is empty
	lost   int           // entries of LogLater that were not written
}

// Record writes an action and its outcome to the activity log. It ignores a failure
// to write, and actions that were refused before they began (no such profile, bad
// input).
func (v *Vault) Record(action Action, sel Selector, err error) {
	v.Log(Activity{Selector: sel, Action: action}, err)
}

// Log is [Vault.Record] for an entry with more facts. It fills in the time, the
// command, the reason and the result.
func (v *Vault) Log(a Activity, err error) {
	if v.activity.complete(&a, v.now(), err) {
		v.activity.add(a)
	}
}

// LogLater is [Vault.Log] for many entries a second: it collects them and writes
// them together within [queueTime]. It never waits. Flush writes what is left.
func (v *Vault) LogLater(a Activity, err error) {
	if v.activity.complete(&a, v.now(), err) {
		v.activity.later(a)
	}
}

// Flush waits until the entries of LogLater have been written. It returns how many
// could not be since the last Flush: the disk was too slow, or full.
func (v *Vault) Flush() (lost int) {
	l := v.activity
	l.mu.Lock()
	idle := l.idle
	l.mu.Unlock()
	if idle != nil {
		<-idle
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lost, l.lost = l.lost, 0
	return lost
}

// complete fills in an entry. It returns false if the action was refused before it
// began, and so is not logged.
func (l *activityLog) complete(a *Activity, now time.Time, err error) bool {
	if errors.Is(err, ErrNoProfile) || errors.Is(err, ErrExists) || errors.Is(err, ErrBadInput) || errors.Is(err, ErrOrigin) {
		return false
	}
	a.At, a.Command, a.Reason, a.Parent = now, l.command, l.reason, parentName()
	if a.Result = resultOf(err); err == nil && a.Status >= 400 {
		a.Result = "failed"
	}
	a.Method, a.Path = outside(a.Method, 20), kite.PathTemplate(a.Path)
	return true
}

// reasonOf cleans the reason that a user gave. Words that look like a token or a key
// become {…}: scripts put what they have into it.
func reasonOf(text string) string {
	words := strings.Fields(outside(text, 1<<12))
	for i, word := range words {
		for _, start := range []string{"eyJ", "AGE-SECRET-KEY-", "hvs.", "hvb."} {
			if at := strings.Index(word, start); at >= 0 {
				words[i] = word[:at] + "{…}"
			}
		}
		if len(words[i]) >= 40 && !strings.Contains(words[i], "/") && strings.ContainsAny(words[i], "0123456789") {
			words[i] = "{…}"
		}
	}
	return outside(strings.Join(words, " "), maxReason)
}

// parentName returns the name of the program that started this one, where /proc
// tells it.
var parentName = sync.OnceValue(func() string {
	if runtime.GOOS == "windows" {
		return "" // \proc is a folder that any user can make there
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if err != nil {
		return ""
	}
	return outside(strings.TrimSpace(string(name)), 32)
})

// maxQueue is how many entries may wait to be written; LogLater drops further ones.
const maxQueue = 10_000

func (l *activityLog) later(a Activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxQueue {
		l.lost++
		return
	}
	l.queue = append(l.queue, a)
	if l.idle != nil {
		return
	}
	l.idle = make(chan struct{})
	go func() {
		for {
			time.Sleep(queueTime)
			l.mu.Lock()
			batch := l.queue
			if l.queue = nil; len(batch) == 0 {
				close(l.idle)
				l.idle = nil
				l.mu.Unlock()
				return
			}
			l.mu.Unlock()
			if l.write(batch) != nil {
				l.mu.Lock()
				l.lost += len(batch)
				l.mu.Unlock()
			}
		}
	}()
}

// queueTime is how long an entry of LogLater may wait.
const queueTime = 50 * time.Millisecond

func resultOf(err error) string {
	switch verdict := VerdictOf(err); {
	case verdict != VerdictNone:
		return string(verdict)
	case errors.Is(err, kite.ErrOutcomeUnknown): // even if it was cancelled
		return "outcome unknown"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "failed"
}

// Activities returns the last entries of the log, at most last of them, oldest
// first; if sel is not nil, only those of its profile (see [NewestFirst]). It
// leaves out lines that cannot be read, such as one that a crash cut short.
func (v *Vault) Activities(sel *Selector, last int) ([]Activity, error) {
	all, err := v.activity.read()
	if sel != nil {
		var its []Activity
		for a := range NewestFirst(all, sel) {
			its = append(its, *a)
		}
		slices.Reverse(its)
		all = its
	}
	return all[max(0, len(all)-last):], err
}

// NewestFirst iterates over entries, which are in the order of time, from the last
// to the first. If sel is not nil, it yields only those of that profile: what was
// done under its name and under its earlier names.
func NewestFirst(entries []Activity, sel *Selector) iter.Seq[*Activity] {
	return func(yield func(*Activity) bool) {
		var is, was string // its name, and the one that it had at the time of the entry
		if sel != nil {
			is, was = sel.String(), sel.String()
		}
		for i := range slices.Backward(entries) {
			a := &entries[i]
			renamed := a.Action == ActionRenamed
			if sel != nil {
				name := a.Selector.String()
				if name != is && name != was && !(renamed && a.From == is) {
					continue
				}
				if renamed && a.To == was && a.From != "" && a.Result == string(VerdictOK) {
					was = a.From
				}
			}
			if !yield(a) {
				return
			}
		}
	}
}

func (l *activityLog) add(a Activity) {
	_ = l.write([]Activity{a}) // the log keeps nothing from working
}

// write adds entries, unless the log is off.
func (l *activityLog) write(list []Activity) error {
	l.mu.Lock()
	if l.dir == "" {
		l.memory = append(l.memory, list...)
		l.memory = l.memory[max(0, len(l.memory)-1000):]
	} else if l.on == nil {
		s, err := LoadSettings(l.dir)
		on := s.ActivityLog && err == nil // settings that cannot be read do not turn the log on again
		l.on = &on
	}
	toFile := l.dir != "" && *l.on
	l.mu.Unlock()
	if !toFile {
		return nil
	}
	return l.append(list...)
}

package vault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// The activity log says what was done with which profile, by what and why, so that
// it can be found out later how a credential was used. An entry is written when its
// outcome is known. The log holds no secret, no token, no body of a request and no
// words of the gateway's. One line of JSON per entry, in two files:
// a full one becomes activity.jsonl.1, and the activity.jsonl.1 before it goes.
const (
	activityFile   = "activity.jsonl"
	activityFormer = "activity.jsonl.1"
	activityLock   = "activity"
	activityLimit  = 1 << 20 // bytes per file, some 7,000 entries
	activityWait   = time.Second
	maxReason      = 200 // characters
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
	ActionReplaced   Action = "replaced" // without proof, by an import
	ActionRolledBack Action = "rolled back"
	ActionConfirmed  Action = "confirmed"
	ActionRenamed    Action = "renamed"
	ActionRemoved    Action = "removed"
	ActionExported   Action = "exported"
	ActionHandedOut  Action = "handed out" // a token from the cache
	ActionRequested  Action = "requested"  // a call with a token
	ActionMoved      Action = "moved"      // to another store
)

// Activity is an entry of the log.
type Activity struct {
	At time.Time
	Selector
	Action  Action
	Command string // the command that did it, "token"; "screen" for the screen
	Result  string // "ok", a verdict, "outcome unknown", "cancelled" or "failed"
	Parent  string // name of the program that started kitekey, "" where the system does not say
	Reason  string // what the user gave as the reason, if anything

	Method     string   // of a request
	Path       string   // of a request, with {…} in the place of ids and without its query
	Status     int      // HTTP status of the reply to a request, 0 when there was none
	Recipients []string // whom an export was encrypted to
}

type activityJSON struct {
	At          time.Time `json:"at"`
	Account     string    `json:"account"`
	Environment string    `json:"environment"`
	Action      Action    `json:"action"`
	Command     string    `json:"command"`
	Result      string    `json:"result"`
	Parent      string    `json:"parent,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Method      string    `json:"method,omitempty"`
	Path        string    `json:"path,omitempty"`
	Status      int       `json:"status,omitempty"`
	Recipients  []string  `json:"recipients,omitempty"`
}

// activityLog stores the entries in a file, or in memory if dir is empty.
type activityLog struct {
	dir     string
	locks   disk.Locker
	command string
	reason  string
	limit   int64

	mu     sync.Mutex
	on     *bool // the setting, once it was looked up
	memory []Activity
	queue  []Activity    // entries of LogLater
	idle   chan struct{} // closed when the queue has been written; nil when it is empty
}

// Record writes an action and its outcome to the activity log. It ignores a failure
// to write, and actions that were refused before they began (no such profile, bad
// input).
func (v *Vault) Record(action Action, sel Selector, err error) {
	v.Log(Activity{Selector: sel, Action: action}, err)
}

// Log is [Vault.Record] for an entry with more facts. It fills in when, by what and
// why, and the result.
func (v *Vault) Log(a Activity, err error) {
	if v.activity.complete(&a, v.now(), err) {
		v.activity.add(a)
	}
}

// LogLater is [Vault.Log] for many entries a second: they are written together,
// soon. It never waits. Flush writes them at the end.
func (v *Vault) LogLater(a Activity, err error) {
	if v.activity.complete(&a, v.now(), err) {
		v.activity.later(a)
	}
}

// Flush waits until what LogLater was given has been written.
func (v *Vault) Flush() {
	v.activity.mu.Lock()
	idle := v.activity.idle
	v.activity.mu.Unlock()
	if idle != nil {
		<-idle
	}
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
	a.Method, a.Path = outside(a.Method, 20), pathTemplate(a.Path)
	return true
}

// pathTemplate takes the query from a path and puts {…} in the place of what looks
// like an id: it may be a customer's number.
func pathTemplate(path string) string {
	path, _, _ = strings.Cut(path, "?")
	steps := strings.Split(outside(path, 200), "/")
	for i, step := range steps {
		if len(step) > 24 || strings.ContainsAny(step, "0123456789+@%") && step != "v1" {
			steps[i] = "{…}"
		}
	}
	return strings.Join(steps, "/")
}

// parentName is the name of the program that started this one, where /proc tells.
var parentName = sync.OnceValue(func() string {
	if runtime.GOOS == "windows" {
		return "" // \proc is a folder there that any user can make
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if err != nil {
		return ""
	}
	return outside(strings.TrimSpace(string(name)), 32)
})

// most entries that wait to be written; more are dropped rather than waited for.
const maxQueue = 10_000

func (l *activityLog) later(a Activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxQueue {
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
			l.write(batch)
			l.mu.Unlock()
		}
	}()
}

// queueTime is how long an entry of LogLater may wait.
const queueTime = 50 * time.Millisecond

func resultOf(err error) string {
	switch verdict := VerdictOf(err); {
	case verdict != VerdictNone:
		return string(verdict)
	case errors.Is(err, kite.ErrOutcomeUnknown): // also when it was cancelled
		return "outcome unknown"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "failed"
}

// Activities gives the log's last entries, oldest first: at most last of them,
// and of one profile unless sel is nil. What cannot be read of it (a line that a
// crash cut short) is left out.
func (v *Vault) Activities(sel *Selector, last int) ([]Activity, error) {
	all, err := v.activity.read()
	if sel != nil {
		all = slices.DeleteFunc(all, func(a Activity) bool { return a.Selector != *sel })
	}
	return all[max(0, len(all)-last):], err
}

func (l *activityLog) add(a Activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write([]Activity{a})
}

// write adds entries. The caller holds mu.
func (l *activityLog) write(list []Activity) {
	if l.dir == "" {
		l.memory = append(l.memory, list...)
		l.memory = l.memory[max(0, len(l.memory)-1000):]
		return
	}
	if l.on == nil {
		s, err := LoadSettings(l.dir)
		on := s.ActivityLog && err == nil // unreadable settings do not switch a log on again
		l.on = &on
	}
	if *l.on {
		_ = l.append(list...)
	}
}

// append writes its lines in one call. The lock keeps other processes from
// putting the file aside in between.
func (l *activityLog) append(list ...Activity) error {
	var line []byte
	for _, a := range list {
		entry, err := json.Marshal(activityJSON{
			a.At.UTC().Round(0).Truncate(time.Millisecond), a.Account, string(a.Environment), a.Action, a.Command, a.Result,
			a.Parent, a.Reason, a.Method, a.Path, a.Status, a.Recipients,
		})
		if err != nil {
			return err
		}
		line = append(append(line, entry...), '\n')
	}
	unlock, err := l.locks.Lock(context.Background(), activityLock, activityWait)
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(l.dir, activityFile)
	if info, err := os.Stat(path); err == nil && info.Size()+int64(len(line)) > l.limit {
		if err := os.Rename(path, filepath.Join(l.dir, activityFormer)); err != nil {
			return err
		}
	}
	f, err := disk.OpenAppend(path)
	if err != nil {
		return err
	}
	if endsMidLine(f) {
		line = append([]byte{'\n'}, line...)
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Close())
}

// endsMidLine reports whether a crash or a full disk cut the last line short.
func endsMidLine(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

func (l *activityLog) read() ([]Activity, error) {
	if l.dir == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Clone(l.memory), nil
	}
	// The lock keeps the files from changing places between the two.
	if _, err := os.Stat(filepath.Join(l.dir, activityFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if unlock, err := l.locks.Lock(context.Background(), activityLock, activityWait); err == nil {
		defer unlock()
	}
	var all []Activity
	for _, name := range []string{activityFormer, activityFile} {
		data, err := disk.Read(filepath.Join(l.dir, name), 4*activityLimit)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return all, err
		}
		all = append(all, parseActivities(bytes.NewReader(data))...)
	}
	return all, nil
}

func parseActivities(r io.Reader) []Activity {
	var all []Activity
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var raw activityJSON
		if json.Unmarshal(lines.Bytes(), &raw) != nil || raw.At.IsZero() {
			continue
		}
		sel, err := ParseSelector(raw.Account + "/" + raw.Environment)
		if err != nil {
			continue
		}
		a := Activity{
			At: raw.At, Selector: sel, Action: Action(outside(string(raw.Action), 32)), Command: outside(raw.Command, 64), Result: outside(raw.Result, 64),
			Parent: outside(raw.Parent, 32), Reason: outside(raw.Reason, maxReason), Method: outside(raw.Method, 20), Path: outside(raw.Path, 200), Status: raw.Status,
		}
		for _, to := range raw.Recipients[:min(len(raw.Recipients), 20)] {
			a.Recipients = append(a.Recipients, outside(to, 100))
		}
		all = append(all, a)
	}
	return all
}

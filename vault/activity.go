package vault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kitekey/vault/internal/disk"
)

// The activity log says what was done with which profile, so that somebody can
// find out when a credential was last used, and by what. It holds no secret, no
// token and no words of the gateway's. One line of JSON per entry, in two files:
// when the present one is full it becomes the former, and the one before goes.
const (
	activityFile   = "activity.jsonl"
	activityFormer = "activity.jsonl.1"
	activityLock   = "activity"
	activityLimit  = 1 << 20 // bytes per file, some 7,000 entries
	activityWait   = time.Second
)

// Action is what was done.
type Action string

// The actions.
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
	ActionMoved      Action = "moved" // to another store
)

// Activity is an entry of the log.
type Activity struct {
	At time.Time
	Selector
	Action  Action
	Command string // the command that did it, "token"; "screen" for the screen
	Result  string // "ok", a verdict, "cancelled" or "failed"
}

type activityJSON struct {
	At          time.Time `json:"at"`
	Account     string    `json:"account"`
	Environment string    `json:"environment"`
	Action      Action    `json:"action"`
	Command     string    `json:"command"`
	Result      string    `json:"result"`
}

// activityLog keeps the entries, in memory where there is no folder.
type activityLog struct {
	dir     string
	locks   disk.Locker
	command string
	limit   int64

	mu     sync.Mutex
	on     *bool // the setting, once it was looked up
	memory []Activity
}

// Record puts an action and what came of it into the activity log. Nothing fails
// because the log cannot be written. What was refused before anything was done
// (no such profile, bad input) is no action.
func (v *Vault) Record(action Action, sel Selector, err error) {
	if errors.Is(err, ErrNoProfile) || errors.Is(err, ErrExists) || errors.Is(err, ErrBadInput) {
		return
	}
	v.activity.add(Activity{v.now(), sel, action, v.activity.command, resultOf(err)})
}

func resultOf(err error) string {
	switch verdict := VerdictOf(err); {
	case verdict != VerdictNone:
		return string(verdict)
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
	if l.dir == "" {
		l.memory = append(l.memory, a)
		l.memory = l.memory[max(0, len(l.memory)-1000):]
		return
	}
	if l.on == nil {
		s, err := LoadSettings(l.dir)
		on := s.ActivityLog && err == nil // nobody who has turned it off wants it back by an accident
		l.on = &on
	}
	if *l.on {
		_ = l.append(a)
	}
}

// append writes one line in one call. The lock keeps other processes from
// putting the file aside in between.
func (l *activityLog) append(a Activity) error {
	line, err := json.Marshal(activityJSON{
		a.At.UTC().Round(0).Truncate(time.Millisecond), a.Account, string(a.Environment), a.Action, a.Command, a.Result,
	})
	if err != nil {
		return err
	}
	line = append(line, '\n')
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
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
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
		all = append(all, Activity{raw.At, sel, raw.Action, raw.Command, raw.Result})
	}
	return all
}

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
	"time"

	"kitekey/vault/internal/disk"
)

// activityJSON is a line of the file.
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
	From        string    `json:"from,omitempty"`
	To          string    `json:"to,omitempty"`
}

// append writes its lines in one call. The lock keeps other processes from renaming
// the file in between.
func (l *activityLog) append(list ...Activity) error {
	var line []byte
	for _, a := range list {
		entry, err := json.Marshal(activityJSON{
			a.At.UTC().Round(0).Truncate(time.Millisecond), a.Account, string(a.Environment), a.Action, a.Command, a.Result,
			a.Parent, a.Reason, a.Method, a.Path, a.Status, a.Recipients, a.From, a.To,
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
		if err := os.Rename(path, filepath.Join(l.dir, activityPrevious)); err != nil {
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
	// The lock keeps the files from being renamed between the two reads.
	if _, err := os.Stat(filepath.Join(l.dir, activityFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if unlock, err := l.locks.Lock(context.Background(), activityLock, activityWait); err == nil {
		defer unlock()
	}
	var all []Activity
	for _, name := range []string{activityPrevious, activityFile} {
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
			From: outside(raw.From, maxPlace), To: outside(raw.To, maxPlace),
		}
		for _, to := range raw.Recipients[:min(len(raw.Recipients), 20)] {
			a.Recipients = append(a.Recipients, outside(to, 100))
		}
		all = append(all, a)
	}
	return all
}

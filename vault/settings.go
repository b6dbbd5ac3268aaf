package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"kitekey/vault/internal/disk"
)

const (
	settingsFile    = "settings.json"
	settingsLock    = "settings"
	settingsVersion = 1
	maxSettings     = 1 << 20 // bytes
)

// Settings are the user's choices for a data folder. Flags and variables override
// them for one run.
type Settings struct {
	ActivityLog bool // keep an activity log

	unknown string // fields of a newer kitekey
}

// DefaultSettings are the settings of a folder without a settings file.
var DefaultSettings = Settings{ActivityLog: true}

type settingsJSON struct {
	Version     int   `json:"version"`
	ActivityLog *bool `json:"activity_log,omitempty"`
}

// LoadSettings reads a data folder's settings. Without a file it returns the
// defaults.
func LoadSettings(dir string) (Settings, error) {
	s, path := DefaultSettings, filepath.Join(dir, settingsFile)
	data, err := disk.Read(path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the settings: %w", err)
	}
	var raw settingsJSON
	err = decodeVersioned(data, &raw, &raw.Version, settingsVersion)
	var newer *NewerError
	switch {
	case errors.As(err, &newer):
		newer.Path = path
		return s, newer
	case err != nil:
		return s, &SettingsError{Path: path, Err: err}
	}
	if raw.ActivityLog != nil {
		s.ActivityLog = *raw.ActivityLog
	}
	s.unknown, err = unknownFields(data, fieldsOf[settingsJSON]())
	return s, err
}

// ChangeSettings reads a data folder's settings, calls change with them and writes
// the result, under a lock.
func ChangeSettings(ctx context.Context, dir string, change func(*Settings)) error {
	if err := disk.MakeFolder(dir); err != nil {
		return dataDirError(dir, err)
	}
	unlock, err := disk.FileLocks{Dir: filepath.Join(dir, disk.Folder)}.Lock(ctx, settingsLock, disk.IndexWait)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := LoadSettings(dir)
	if err != nil {
		return err
	}
	change(&s)
	data, err := withUnknown(settingsJSON{settingsVersion, &s.ActivityLog}, s.unknown)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", " "); err != nil {
		return err
	}
	data = indented.Bytes()
	return disk.Replace(filepath.Join(dir, settingsFile), "", append(data, '\n'))
}

// dataDirError returns the error for a data folder that cannot be created.
func dataDirError(dir string, err error) error {
	return &DataFolderError{Dir: dir, Op: "make", Err: disk.SyscallError(err)}
}

// stateLimit bounds a front end's state file, in bytes.
const stateLimit = 64 << 10

// ReadState reads what a front end has written with [WriteState]. Without a file it
// leaves into unchanged.
func ReadState(dir, name string, into any) error {
	data, err := disk.Read(filepath.Join(dir, name), stateLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// WriteState stores a front end's state in the data folder. It must hold no secret
// and nothing that matters if it is lost.
func WriteState(dir, name string, state any) error {
	data, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, name), "", append(data, '\n'))
}

package vault

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault/internal/disk"
)

// Callers that wait for one mint share its failure as they share its token. The
// caller that failed leaves a record beside the profile's lock, and callers that
// began to wait before then and would have sent the same request return that
// failure. Otherwise the last of ten callers would learn only after ten time limits
// that the gateway hangs.

// failureLog keeps the last failed mint of each profile. It is read and written
// under the profile's lock.
type failureLog struct {
	dir    string    // "" keeps it in memory
	memory *sync.Map // id to failureJSON
}

func newFailureLog(dir string) failureLog { return failureLog{dir, &sync.Map{}} }

type failureJSON struct {
	Of           string    `json:"of"`
	At           time.Time `json:"at"`
	Verdict      Verdict   `json:"verdict"`
	Host         string    `json:"host"`
	Op           string    `json:"op"`
	Status       int       `json:"status,omitempty"`
	Code         string    `json:"code,omitempty"`
	Message      string    `json:"message,omitempty"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
	SkewMS       int64     `json:"skew_ms,omitempty"`
	Err          string    `json:"error,omitempty"`
}

const maxFailure = 16 << 10

func (l failureLog) path(id string) string { return filepath.Join(l.dir, id+".failed") }

// record saves why a mint failed, if the gateway was the reason. request is the same
// for callers that send the same request the same way.
func (l failureLog) record(id, request string, at time.Time, err error) {
	var failed *kite.Error
	if !errors.As(err, &failed) || failed.Kind == kite.ErrInvalid && failed.Status == 0 {
		return
	}
	f := failureJSON{
		Of: request, At: at.UTC().Round(0), Verdict: VerdictOf(err), Host: failed.Host, Op: failed.Op, Status: failed.Status, Code: failed.Code, Message: failed.Message,
		RetryAfterMS: failed.RetryAfter.Milliseconds(), SkewMS: failed.Skew.Milliseconds(),
	}
	if failed.Err != nil {
		f.Err = failed.Err.Error()
	}
	if l.dir == "" {
		l.memory.Store(id, f)
		return
	}
	if data, err := json.Marshal(f); err == nil {
		_ = os.Remove(l.path(id)) // a pipe would be waited for, a link followed
		_ = disk.Replace(l.path(id), "", data)
	}
}

func (l failureLog) clear(id string) {
	if l.dir == "" {
		l.memory.Delete(id)
		return
	}
	_ = os.Remove(l.path(id))
}

// since returns the failure of a mint with the same request that ended at began or
// later, nil if there is none.
func (l failureLog) since(id, request string, began time.Time) error {
	var f failureJSON
	if l.dir == "" {
		kept, ok := l.memory.Load(id)
		if !ok {
			return nil
		}
		f = kept.(failureJSON)
	} else {
		data, err := disk.Read(l.path(id), maxFailure)
		if err != nil || json.Unmarshal(data, &f) != nil {
			return nil //nolint:nilerr // there is no record
		}
	}
	if f.Of != request || f.At.Before(began.Round(0)) {
		return nil
	}
	for _, kind := range []error{kite.ErrRefused, kite.ErrInvalid, kite.ErrRateLimited, kite.ErrGateway, kite.ErrUnreachable, kite.ErrUnexpectedReply} {
		if VerdictOf(kind) != f.Verdict {
			continue
		}
		e := &kite.Error{
			Kind: kind, Host: outside(f.Host, maxHost), Op: outside(f.Op, maxHost), Status: f.Status, Code: outside(f.Code, maxHost),
			Message: outside(f.Message, maxMessage), RetryAfter: milliseconds(f.RetryAfterMS), Skew: milliseconds(f.SkewMS),
		}
		if f.Err != "" {
			e.Err = errors.New(outside(f.Err, maxMessage))
		}
		return e
	}
	return nil
}

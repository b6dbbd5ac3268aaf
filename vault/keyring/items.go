//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"kitekey/vault"
	"kitekey/vault/keyring/secretservice"
)

var _ interface {
	vault.Lister
	vault.Locker
	vault.Pinger
	vault.Inspector
	vault.Preparer
} = (*Store)(nil)

// platform holds the connection, which is kept for a while: KeePassXC remembers
// what the user allowed for as long as the connection stands, so that reading and
// writing an item need not prompt twice. Store.slot guards it.
type platform struct {
	conn   *secretservice.Conn
	failed error // of Prepare, for the next call
	idle   *time.Timer
}

// idleTime is how long an unused connection is kept.
const idleTime = 30 * time.Second

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key string) (value []byte, err error) {
	err = s.use(ctx, vault.OpRead, key, func(u *use) error {
		items, err := u.find(true)
		if err != nil {
			return err
		}
		value, _, err = u.read(items)
		return err
	})
	return value, err
}

// Set implements [vault.Store]. It replaces an item in the collection that holds
// it, and creates a new one in the login collection or else in the default one. If
// several items have the name, one remains.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := vault.CheckItem(s, key, value); err != nil {
		return err
	}
	return s.use(ctx, vault.OpWrite, key, func(u *use) error {
		items, err := u.find(false)
		if err != nil {
			return err
		}
		var item secretservice.Path
		if len(items) > 0 {
			// If they are equal, any of them gets the value and the others are deleted.
			if item, err = u.newest(items); err != nil && !errors.Is(err, errDuplicates) {
				return err
			}
			u.wrote = true
			err = u.SetSecret(item, value)
		} else {
			item, err = u.create(key, value)
		}
		if err != nil {
			return err
		}
		if err := u.verify(item, value); err != nil {
			return err
		}
		for _, other := range items {
			if other != item {
				if err := u.Delete(other); err != nil && !gone(err) {
					return err
				}
			}
		}
		return nil
	})
}

// Delete implements [vault.Store]. It deletes every item of the name, and succeeds
// if then no collection has one.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.use(ctx, vault.OpDelete, key, func(u *use) error {
		items, err := u.find(true)
		if err != nil {
			return err
		}
		for _, item := range items {
			u.wrote = true
			if err := u.Op.Delete(item); err != nil && !gone(err) {
				return err
			}
		}
		unlocked, locked, err := u.Search(u.attributes)
		if err == nil && len(unlocked)+len(locked) > 0 {
			return errNotDeleted
		}
		return err
	})
}

// Keys implements [vault.Lister]. It fails with ErrLocked if a locked collection
// may hide an item.
func (s *Store) Keys(ctx context.Context) (keys []string, err error) {
	err = s.use(ctx, vault.OpList, "", func(u *use) error {
		items, err := u.list()
		for _, item := range items {
			if key := item.key; key != "" {
				keys = append(keys, key)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// Ping implements [vault.Pinger]: it succeeds if the collection for new items
// exists and is unlocked, or can be unlocked.
func (s *Store) Ping(ctx context.Context) error {
	return s.use(ctx, vault.OpOpen, "", func(u *use) error {
		home, err := u.Home()
		if err != nil {
			return err
		}
		return u.unlock(home)
	})
}

// Lock implements [vault.Locker]: it closes the connection, which ends what the
// user has allowed for it.
func (s *Store) Lock() {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	s.hangUp()
}

// Locked implements [vault.Locker]. It is always false, because a keyring asks for
// its password itself.
func (s *Store) Locked() bool { return false }

// use is an operation under way.
type use struct {
	*secretservice.Op
	attributes map[string]string
	first      bool // the result of the search in Open has not been used yet
	unlocked   []secretservice.Path
	locked     []secretservice.Path
	wrote      bool // a change was begun and must not be repeated
}

// use runs an operation on the item called key, or on all of kitekey's items.
func (s *Store) use(ctx context.Context, op, key string, do func(*use) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	attributes := map[string]string{"service": Service}
	if key != "" || op == vault.OpRead || op == vault.OpDelete {
		if err := vault.CheckKey(key); err != nil {
			return failure(op, vault.ErrUnavailable, "", err)
		}
		attributes["username"] = key
	}
	prompt := vault.PromptOf(ctx)
	patience := max(prompt.Wait, s.deadline) // without a user, as long as a call may take
	wait := time.NewTimer(s.deadline + prompt.Wait)
	defer wait.Stop()
	select {
	case s.slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return failure(op, vault.ErrTimeout, vault.ReasonNotResponding, errStuck)
	}
	defer func() { <-s.slot }()
	for attempt := 0; ; attempt++ {
		u := &use{attributes: attributes}
		err := s.attempt(ctx, u, patience, prompt.Waiting, do)
		if err == nil {
			s.rest()
			return nil
		}
		again := attempt == 0 && !u.wrote && (secretservice.Disconnected(err) || named(err, ".NoSession"))
		if ctx.Err() != nil {
			s.hangUp()
			return ctx.Err()
		}
		if again {
			s.hangUp()
			continue
		}
		failed := s.explain(op, u, err)
		if errors.Is(failed, vault.ErrTimeout) || errors.Is(failed, vault.ErrUnavailable) {
			s.hangUp() // a call that is still under way must not take effect later
		}
		s.rest()
		return failed
	}
}

func (s *Store) attempt(ctx context.Context, u *use, patience time.Duration, waiting func(), do func(*use) error) error {
	left := s.deadline
	if s.idle != nil {
		s.idle.Stop()
	}
	if s.conn != nil && !s.conn.Alive() {
		s.hangUp()
	}
	err := s.failed
	if s.failed = nil; err != nil {
		return err
	}
	if s.conn == nil {
		began := time.Now()
		if err := s.connect(ctx); err != nil {
			return err
		}
		left -= time.Since(began)
	}
	u.Op = s.conn.NewOp(ctx, left, patience, waiting)
	if s.conn.Opened() {
		return do(u)
	}
	u.unlocked, u.locked, err = u.Open(u.attributes)
	if err != nil {
		s.hangUp()
		var said dbus.Error
		if !errors.As(err, &said) && !errors.Is(err, secretservice.ErrTimeout) && ctx.Err() == nil {
			address, _ := busAddress()
			return &dialError{address, err} // an error of the bus, not of the service
		}
		return err
	}
	u.first = true
	return do(u)
}

// connect connects to the bus, and has the service begin to open a session.
func (s *Store) connect(ctx context.Context) error {
	address, err := busAddress()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	conn, err := secretservice.Dial(ctx, address)
	if err != nil {
		return &dialError{address, err}
	}
	conn.Begin(secretservice.NewKeys())
	s.conn = conn
	return nil
}

// Prepare implements [vault.Preparer]: it connects. It takes the service longer to
// agree on a key than to find and to send an item.
func (s *Store) Prepare() {
	select {
	case s.slot <- struct{}{}:
	default:
		return // in use
	}
	go func() {
		defer func() { <-s.slot }()
		if s.conn == nil {
			s.failed = s.connect(context.Background())
			s.rest()
		}
	}()
}

// rest closes the connection if it is not used for a while.
func (s *Store) rest() {
	if s.conn == nil {
		return
	}
	conn := s.conn
	s.idle = time.AfterFunc(idleTime, func() {
		select {
		case s.slot <- struct{}{}:
			if s.conn == conn {
				s.hangUp()
			}
			<-s.slot
		default: // it is in use again
		}
	})
}

func (s *Store) hangUp() {
	if s.idle != nil {
		s.idle.Stop()
	}
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// find returns the items that have the attributes, unlocked. If there is none but a
// locked collection may hide one, find unlocks the home collection and, with
// everywhere, the other collections too. With everywhere, an ErrNotFound means that
// no collection has the item.
func (u *use) find(everywhere bool) ([]secretservice.Path, error) {
	items, err := u.visible()
	if err != nil || len(items) > 0 {
		return items, err
	}
	hidden, err := u.hidden()
	if err != nil {
		return nil, err
	}
	if len(hidden) > 0 {
		if home, err := u.Home(); err == nil && slices.Contains(hidden, home) {
			if err := u.unlock(home); err != nil {
				return nil, err
			}
			if items, err = u.visible(); err != nil || len(items) > 0 {
				return items, err
			}
			hidden = slices.DeleteFunc(hidden, func(p secretservice.Path) bool { return p == home })
		}
	}
	if everywhere && len(hidden) > 0 {
		if err := u.unlock(hidden...); err != nil {
			return nil, err
		}
		if items, err = u.visible(); err != nil || len(items) > 0 {
			return items, err
		}
		if _, hidden, err = u.Collections(); err != nil {
			return nil, err
		}
		if len(hidden) > 0 {
			return nil, &hiddenError{len(hidden)}
		}
	}
	if everywhere {
		return nil, vault.ErrNotFound
	}
	return nil, nil
}

// visible searches, and unlocks what it finds.
func (u *use) visible() ([]secretservice.Path, error) {
	unlocked, locked, err := u.unlocked, u.locked, error(nil)
	if !u.first {
		unlocked, locked, err = u.Search(u.attributes)
	}
	u.first = false
	if err == nil && len(locked) > 0 {
		if err = u.access(locked...); err == nil {
			return append(unlocked, locked...), nil
		}
	}
	return unlocked, err
}

// hidden lists the locked collections in which a search finds nothing.
func (u *use) hidden() ([]secretservice.Path, error) {
	all, locked, err := u.Collections()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, secretservice.ErrNoCollection
	}
	if len(locked) == 0 {
		return nil, nil
	}
	if provider, _ := u.Provider(); secretservice.SearchesLocked(provider) {
		return nil, nil
	}
	return locked, nil
}

// unlock unlocks collections. A dismissed prompt, a wrong password and a missing
// display for the prompt cannot be told apart.
func (u *use) unlock(collections ...secretservice.Path) error {
	err := u.Unlock(collections...)
	if errors.Is(err, secretservice.ErrDismissed) {
		return secretservice.ErrStillLocked
	}
	return err
}

// access unlocks items. Their collection may already be unlocked: KeePassXC asks
// for each item.
func (u *use) access(items ...secretservice.Path) error {
	err := u.Unlock(items...)
	if errors.Is(err, secretservice.ErrDismissed) {
		if _, locked, err := u.Collections(); err == nil && len(locked) > 0 {
			return secretservice.ErrStillLocked
		}
	}
	return err
}

// read returns the value of the items. An empty item is left by a keyring that was
// killed while it created one, and was never a value. If the values differ, the
// last one written counts.
func (u *use) read(items []secretservice.Path) (value []byte, item secretservice.Path, err error) {
	type found struct {
		item  secretservice.Path
		value []byte
	}
	var all []found
	empty := false
	for _, item := range items {
		value, err := u.secret(item)
		switch {
		case gone(err):
		case err != nil:
			return nil, "", err
		case len(value) == 0:
			empty = true
		default:
			all = append(all, found{item, value})
		}
	}
	switch {
	case len(all) == 0 && empty:
		return nil, "", vault.ErrEmpty
	case len(all) == 0:
		return nil, "", vault.ErrNotFound
	case !slices.ContainsFunc(all, func(f found) bool { return !bytes.Equal(f.value, all[0].value) }):
		return all[0].value, all[0].item, nil
	}
	var paths []secretservice.Path
	for _, f := range all {
		paths = append(paths, f.item)
	}
	if item, err = u.newest(paths); err != nil {
		return nil, "", err
	}
	i := slices.IndexFunc(all, func(f found) bool { return f.item == item })
	return all[i].value, item, nil
}

// secret reads an item. It asks for access if the service says only now that it
// must be asked for.
func (u *use) secret(item secretservice.Path) ([]byte, error) {
	value, err := u.Secret(item)
	if named(err, ".IsLocked") {
		if err = u.access(item); err == nil {
			value, err = u.Secret(item)
		}
	}
	return value, err
}

// newest returns the item that was changed last. If two were changed in the same
// second it returns one of them and errDuplicates.
func (u *use) newest(items []secretservice.Path) (newest secretservice.Path, err error) {
	if len(items) == 1 {
		return items[0], nil
	}
	var last time.Time
	tie := false
	for _, item := range items {
		at, err := u.Modified(item)
		if gone(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		switch {
		case newest == "" || at.After(last):
			newest, last, tie = item, at, false
		case at.Equal(last):
			tie = true
		}
	}
	switch {
	case newest == "":
		return "", vault.ErrNotFound
	case tie:
		return newest, errDuplicates
	}
	return newest, nil
}

var errDuplicates = errors.New("several items have the same name and different values")

// create creates an item with the label that go-keyring uses.
func (u *use) create(key string, value []byte) (secretservice.Path, error) {
	home, err := u.Home()
	if err != nil {
		return "", err
	}
	if err := u.unlock(home); err != nil {
		return "", err
	}
	u.wrote = true
	return u.Create(home, fmt.Sprintf("Password for '%s' on '%s'", key, Service), u.attributes, value)
}

// verify reads an item back.
func (u *use) verify(item secretservice.Path, want []byte) error {
	if item == "" || item == "/" {
		unlocked, locked, err := u.Search(u.attributes)
		if err != nil {
			return err
		}
		if unlocked = append(unlocked, locked...); len(unlocked) == 0 {
			return errNotWritten
		}
		item = unlocked[0]
	}
	got, err := u.secret(item)
	switch {
	case gone(err):
		return errNotWritten
	case err != nil:
		return err
	case len(got) == 0:
		return vault.ErrEmpty
	case !bytes.Equal(got, want):
		return errNotWritten
	}
	clear(got)
	return nil
}

// listed is one of kitekey's items.
type listed struct {
	key  string
	path secretservice.Path
}

// list returns all of kitekey's items. It fails if it cannot see all of them.
func (u *use) list() ([]listed, error) {
	hidden, err := u.hidden()
	if err != nil {
		return nil, err
	}
	if len(hidden) > 0 {
		if err := u.unlock(hidden...); err != nil {
			return nil, err
		}
		u.first = false
		if _, hidden, err = u.Collections(); err != nil {
			return nil, err
		}
		if len(hidden) > 0 {
			return nil, &hiddenError{len(hidden)}
		}
	}
	unlocked, locked, err := u.unlocked, u.locked, error(nil)
	if !u.first {
		unlocked, locked, err = u.Search(u.attributes)
	}
	if err != nil {
		return nil, err
	}
	var items []listed
	for _, path := range append(unlocked, locked...) {
		attributes, err := u.Attributes(path)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if attributes["username"] == "" && slices.Contains(locked, path) {
			if err := u.access(path); err != nil { // its attributes are hashed
				return nil, err
			}
			if attributes, err = u.Attributes(path); err != nil {
				return nil, err
			}
		}
		items = append(items, listed{attributes["username"], path})
	}
	return items, nil
}

// hiddenError: the item may be in a collection that is locked.
type hiddenError struct{ collections int }

func (e *hiddenError) Error() string {
	if e.collections == 1 {
		return "it may be in a collection that is locked"
	}
	return fmt.Sprintf("it may be in one of %d collections that are locked", e.collections)
}

// dialError: the bus could not be reached.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// named reports whether err is a D-Bus error whose name ends in suffix.
func named(err error, suffix string) bool {
	var e dbus.Error
	return errors.As(err, &e) && strings.HasSuffix(e.Name, suffix)
}

// gone reports whether err means that an object no longer exists.
func gone(err error) bool {
	return named(err, ".NoSuchObject") || named(err, ".UnknownObject") || named(err, ".UnknownMethod")
}

// explain turns an error into a [*vault.StoreError].
func (s *Store) explain(op string, u *use, err error) error {
	e := &vault.StoreError{Op: op, Store: Name}
	e.Kind, e.Reason, e.Err = kindAndReason(err)
	if e.Kind != vault.ErrNotFound && e.Kind != vault.ErrTimeout && u.Op != nil && s.conn != nil && s.conn.Alive() {
		e.Provider, _ = u.Provider()
	}
	return e
}

// kindAndReason returns the kind and the reason of a failure, and the part of its
// cause that is worth showing.
func kindAndReason(err error) (kind error, reason vault.Reason, cause error) {
	var dial *dialError
	var hidden *hiddenError
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return vault.ErrNotFound, "", nil
	case errors.Is(err, vault.ErrEmpty):
		return vault.ErrCorrupt, "", err
	case errors.Is(err, errDuplicates):
		return vault.ErrUnavailable, vault.ReasonDuplicates, err
	case errors.Is(err, errNotWritten), errors.Is(err, errNotDeleted):
		return vault.ErrLocked, vault.ReasonNotKept, err
	case errors.Is(err, secretservice.ErrTimeout):
		return vault.ErrTimeout, vault.ReasonNotResponding, nil
	case errors.Is(err, secretservice.ErrUnanswered):
		return vault.ErrLocked, vault.ReasonPromptPending, err
	case errors.Is(err, secretservice.ErrDismissed):
		return vault.ErrLocked, vault.ReasonDismissed, err
	case errors.Is(err, secretservice.ErrStillLocked), named(err, ".IsLocked"):
		return vault.ErrLocked, "", nil
	case errors.As(err, &hidden):
		return vault.ErrLocked, vault.ReasonHidden, err
	case errors.Is(err, secretservice.ErrNoCollection):
		return vault.ErrUnavailable, vault.ReasonNoCollection, err
	case errors.Is(err, errNoBus):
		return vault.ErrUnavailable, vault.ReasonNoSession, err
	case errors.As(err, &dial):
		if name := foreign(dial.address); name != "" {
			return vault.ErrUnavailable, vault.ReasonOtherUser, fmt.Errorf("the session bus belongs to %s: %w", name, err)
		}
		if ended(dial) {
			return vault.ErrUnavailable, vault.ReasonSessionEnded, err
		}
		return vault.ErrUnavailable, vault.ReasonNoSession, err
	case named(err, ".ServiceUnknown"), named(err, ".NameHasNoOwner"), strings.Contains(nameOf(err), ".Spawn."):
		return vault.ErrUnavailable, vault.ReasonNotProvided, err
	case strings.Contains(err.Error(), "createDLGroup"), named(err, ".NotSupported"):
		// KWallet's text without its cryptographic plugin, and the specification's name
		// for an algorithm that a service does not have.
		return vault.ErrUnavailable, vault.ReasonNoEncryption, err
	case strings.Contains(err.Error(), "error occurred on the device"): // gnome-keyring's text for a failed write
		return vault.ErrUnavailable, vault.ReasonWriteFailed, err
	case secretservice.Disconnected(err):
		return vault.ErrUnavailable, vault.ReasonGone, err
	}
	return vault.ErrUnavailable, "", err
}

func nameOf(err error) string {
	var e dbus.Error
	_ = errors.As(err, &e)
	return e.Name
}

//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"

	"kitekey/vault"
	"kitekey/vault/keyring/secretservice"
)

// platform holds the connection, which is kept for a while: KeePassXC remembers
// what the user allowed for as long as the connection stands, so that reading and
// writing an item need not prompt twice. Store.slot guards it.
type platform struct {
	bus    string // its address; "" is the session's own
	conn   *secretservice.Conn
	failed error // of Prepare, for the next call
	idle   *time.Timer
}

// idleTime is how long an unused connection is kept.
const idleTime = 30 * time.Second

// use is an operation under way.
type use struct {
	*secretservice.Op
	attributes map[string]string
	first      bool // the result of the search in Open has not been used yet
	unlocked   []secretservice.Path
	locked     []secretservice.Path
	latest     bool // only the item changed last is wanted
	wrote      bool // a change was begun and must not be repeated
}

// use runs an operation on the item called key, or on all of kitekey's items.
func (s *Store) use(ctx context.Context, op, key string, do func(*use) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	attributes, err := attributesOf(op, key)
	if err != nil {
		return failure(op, vault.ErrUnavailable, "", err)
	}
	prompt := vault.PromptOf(ctx)
	patience := max(prompt.Wait, s.deadline) // without a user, as long as a call may take
	if err := s.take(ctx, op, s.deadline+prompt.Wait); err != nil {
		return err
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

// attributesOf returns the attributes of the item called key, or of all items if an
// operation on all of them has no key.
func attributesOf(op, key string) (map[string]string, error) {
	attributes := map[string]string{"service": Service}
	if key == "" && op != vault.OpRead && op != vault.OpDelete {
		return attributes, nil
	}
	attributes["username"] = key
	return attributes, vault.CheckKey(key)
}

// take takes the store's slot, which one operation has at a time.
func (s *Store) take(ctx context.Context, op string, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case s.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return failure(op, vault.ErrTimeout, vault.ReasonNotResponding, errStuck)
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
			address, _ := s.address()
			return &dialError{address, err} // an error of the bus, not of the service
		}
		return err
	}
	u.first = true
	return do(u)
}

func (s *Store) address() (string, error) {
	if s.bus != "" {
		return s.bus, nil
	}
	return busAddress()
}

// connect connects to the bus, where the service begins to open a session.
func (s *Store) connect(ctx context.Context) error {
	address, err := s.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	conn, err := secretservice.Dial(ctx, address)
	if err != nil {
		return &dialError{address, err}
	}
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

// Package secretservice is a client of the Secret Service, the D-Bus interface
// behind which gnome-keyring, KWallet, KeePassXC and others keep secrets:
// https://specifications.freedesktop.org/secret-service/.
//
// # Why not a library
//
// Two were read first, and neither is enough:
//
//   - go-keyring's secret_service speaks "plain", so that every secret is in a
//     trace of the bus, waits without any limit, takes a dismissed prompt for
//     success, and shares one connection with the whole process;
//   - keybase/go-keychain/secretservice encrypts, but stands on a fork of godbus
//     (a second D-Bus library in the binary), limits the opening of a session
//     alone, returns an empty secret without an error when it cannot decrypt one,
//     derives a wrong key in one of 256 sessions (it drops the leading zero bytes of
//     the shared secret), and waits 30 seconds for a prompt, with no way to change that.
//
// So this package stands on godbus alone.
//
// # Limits
//
// A [Conn] is a private connection with one encrypted session. Everything is done
// through an [Op], which limits the time that the service may take and, apart from
// it, the time that a person may take to answer a prompt. The specification lets
// any call return a prompt, and KeePassXC makes use of that.
package secretservice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names defined by the Secret Service specification.
const (
	Name = "org.freedesktop.secrets"

	servicePath     = dbus.ObjectPath("/org/freedesktop/secrets")
	loginPath       = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
	serviceIface    = "org.freedesktop.Secret.Service"
	collectionIface = "org.freedesktop.Secret.Collection"
	itemIface       = "org.freedesktop.Secret.Item"
	sessionIface    = "org.freedesktop.Secret.Session"
	promptIface     = "org.freedesktop.Secret.Prompt"

	noPath = dbus.ObjectPath("/")
)

// Answers of the service or its user that are not D-Bus errors.
var (
	ErrDismissed    = errors.New("the question was dismissed")
	ErrUnanswered   = errors.New("the question was not answered")
	ErrTimeout      = errors.New("the service did not answer in time")
	ErrDisconnected = errors.New("the connection to the service broke")
	ErrNoCollection = errors.New("there is no default collection")
	ErrStillLocked  = errors.New("it is still locked")
	ErrNoSocket     = errors.New("the address is not that of a Unix socket")
)

// Path names an object of the service: an item or a collection.
type Path = dbus.ObjectPath

// Conn is a connection to the session bus and a session with the service.
type Conn struct {
	bus     *dbus.Conn
	end     context.CancelFunc
	session Path
	key     []byte
	signals chan *dbus.Signal
	opening *dbus.Call // under way until Open has read its reply
	keys    Keys       // of opening
}

// Close ends the session and the connection, and every call under way.
func (c *Conn) Close() {
	if c.session != "" && c.bus.Connected() {
		c.object(c.session).Go(sessionIface+".Close", dbus.FlagNoReplyExpected, nil)
	}
	clear(c.key)
	_ = c.bus.Close()
	c.end()
}

// Alive reports whether the connection is still open.
func (c *Conn) Alive() bool { return c.bus.Connected() }

func (c *Conn) object(p Path) dbus.BusObject { return c.bus.Object(Name, p) }

// Op is one operation on a connection, with the time that is left for it. It is not
// safe for concurrent use.
type Op struct {
	conn *Conn
	ctx  context.Context

	// Left is how long the service may still take, all calls together.
	Left time.Duration
	// Patience is how long a person may take to answer a prompt.
	Patience time.Duration
	// Waiting is called when a prompt is on the screen.
	Waiting func()
	// Asked is set once a prompt has been shown.
	Asked bool
}

// NewOp begins an operation.
func (c *Conn) NewOp(ctx context.Context, left, patience time.Duration, waiting func()) *Op {
	return &Op{conn: c, ctx: ctx, Left: left, Patience: patience, Waiting: waiting}
}

// limited runs a call within the time that is left.
func (o *Op) limited(run func(ctx context.Context) error) error {
	if o.Left <= 0 {
		return ErrTimeout
	}
	ctx, cancel := context.WithTimeout(o.ctx, o.Left)
	defer cancel()
	began := time.Now()
	err := run(ctx)
	o.Left -= time.Since(began)
	if err != nil && o.ctx.Err() == nil && ctx.Err() != nil {
		return ErrTimeout
	}
	return o.said(err)
}

// said returns what err means for the caller of an operation.
func (o *Op) said(err error) error {
	switch {
	case err == nil:
		return nil
	case o.ctx.Err() != nil:
		return o.ctx.Err()
	case Disconnected(err):
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	return err
}

// searching is limited for a call that searches. A service that asks the user within the
// call, and answers it afterwards, gets the time for a user: see [asksInSearch].
func (o *Op) searching(run func(ctx context.Context) error) error {
	if o.Left <= 0 {
		return ErrTimeout
	}
	ctx, cancel := context.WithCancel(o.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	wait := func(limit time.Duration) (err error, ended bool) {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case err := <-done:
			return o.said(err), true
		case <-timer.C:
			return nil, false
		}
	}
	began := time.Now()
	err, ended := wait(min(o.Left/2, slowAfter))
	o.Left -= time.Since(began)
	if ended {
		return err
	}
	late := ErrTimeout
	if provider, _ := o.Provider(); asksInSearch(provider) {
		o.Asked, late = true, ErrUnanswered
		o.Waiting()
		err, ended = wait(o.Patience)
	} else {
		began = time.Now()
		err, ended = wait(max(o.Left, 0))
		o.Left -= time.Since(began)
	}
	if ended {
		return err
	}
	cancel()
	<-done
	return late
}

// slowAfter is how long a search may take before it is looked at whether the service is
// one that asks the user meanwhile.
const slowAfter = time.Second

func (o *Op) call(p Path, method string, args, results []any) error {
	return o.limited(func(ctx context.Context) error {
		return o.conn.object(p).CallWithContext(ctx, method, 0, args...).Store(results...)
	})
}

// Disconnected reports whether err means that the connection or the service has
// ended.
func Disconnected(err error) bool {
	var busError dbus.Error
	return errors.Is(err, ErrDisconnected) || errors.Is(err, dbus.ErrClosed) ||
		errors.As(err, &busError) && strings.HasSuffix(busError.Name, ".NoReply")
}

// acquaintance is how long the answer to a ping is waited for.
const acquaintance = 200 * time.Millisecond

// ping sends the service a call that does nothing. gnome-keyring 42 adds a new
// connection to its list in one thread while another may carry out the connection's
// first call, and aborts, one time in some hundred, if that call asks for a session.
func (c *Conn) ping() *dbus.Call {
	return c.object(servicePath).Go("org.freedesktop.DBus.Peer.Ping", 0, make(chan *dbus.Call, 1))
}

// introduced waits for the answer to a ping. An error comes again with the next call.
func introduced(ctx context.Context, ping *dbus.Call) {
	ctx, cancel := context.WithTimeout(ctx, acquaintance)
	defer cancel()
	_ = answered(ctx, &ping)
}

// begin asks the service to agree on a key, and does not wait for its answer: that
// takes it a few milliseconds.
func (c *Conn) begin(keys Keys) {
	c.keys = keys
	c.opening = c.object(servicePath).Go(serviceIface+".OpenSession", 0, make(chan *dbus.Call, 1), Algorithm, dbus.MakeVariant(keys.Public()))
}

// Opened reports whether there is a session.
func (c *Conn) Opened() bool { return c.session != "" && c.opening == nil }

// Open finishes what [Dial] has begun. When attributes are given it searches
// for them at the same time, which saves a round trip.
func (o *Op) Open(attributes map[string]string) (unlocked, locked []Path, err error) {
	c := o.conn
	for range 8 {
		err = o.searching(func(ctx context.Context) error {
			var search *dbus.Call
			if attributes != nil {
				search = c.object(servicePath).GoWithContext(ctx, serviceIface+".SearchItems", 0, make(chan *dbus.Call, 1), attributes)
			}
			var public dbus.Variant
			if err := answered(ctx, &c.opening, &public, &c.session); err != nil {
				return err
			}
			theirs, _ := public.Value().([]byte)
			var keyErr error
			c.key, keyErr = c.keys.Shared(theirs) // while the service searches
			if search != nil {
				if err := answered(ctx, &search, &unlocked, &locked); err != nil {
					return err
				}
			}
			return keyErr
		})
		if !errors.Is(err, errAmbiguous) {
			return unlocked, locked, err
		}
		c.object(c.session).Go(sessionIface+".Close", dbus.FlagNoReplyExpected, nil)
		c.session = ""
		c.begin(NewKeys())
	}
	return nil, nil, err
}

// answered waits for the reply to a call that is under way, if there is one, and
// sets the call to nil.
func answered(ctx context.Context, call **dbus.Call, results ...any) error {
	if *call == nil {
		return nil
	}
	select {
	case done := <-(*call).Done:
		*call = nil
		if len(results) == 0 {
			return done.Err
		}
		return done.Store(results...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *Op) property(p Path, iface, name string) (v dbus.Variant, err error) {
	err = o.call(p, "org.freedesktop.DBus.Properties.Get", []any{iface, name}, []any{&v})
	return v, err
}

//go:build unix

package keyringtest

import (
	"context"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Fake is a Secret Service that can be told to do what real ones rarely do. It
// keeps collections in memory: "login", and those that a test adds. As in KWallet
// and KeePassXC, a search does not find items in a locked collection.
type Fake struct {
	bus  *Bus
	conn *dbus.Conn

	mu       sync.Mutex
	items    map[dbus.ObjectPath]*item
	serial   int
	locked   map[string]bool            // by collection
	home     string                     // the default collection, "" for none
	keys     map[dbus.ObjectPath][]byte // keys of the sessions
	actions  map[string]Action          // by method: "Unlock", "CreateItem", "Delete", "GetSecret", …
	calls    []string
	prompts  map[dbus.ObjectPath]prompt
	prompted chan string // methods that have shown a prompt
}

type item struct {
	collection string
	attributes map[string]string
	secret     []byte
	modified   uint64
	guarded    bool // each access must be allowed by the user, as in KeePassXC
}

// prompt is a question to the user.
type prompt struct {
	method string
	action Action
	do     func() dbus.Variant // runs if the user accepts
}

// Action is what a method does instead of its normal behaviour.
type Action struct{ kind, name, text string }

// The actions.
var (
	Hang       = Action{kind: "hang"}       // never answers
	Disconnect = Action{kind: "disconnect"} // leaves the bus in the middle of the call
	Accept     = Action{kind: "accept"}     // shows a prompt, which the user accepts
	Dismiss    = Action{kind: "dismiss"}    // shows a prompt, which the user dismisses
	Ignore     = Action{kind: "ignore"}     // shows a prompt, which stays unanswered
	Lie        = Action{kind: "lie"}        // reports success and does nothing
	Empty      = Action{kind: "empty"}      // stores, or gives, an empty secret
	Ambiguous  = Action{kind: "ambiguous"}  // agrees once on a key that both sides derive differently
)

// Fail is an Action that replies with an error.
func Fail(name, text string) Action { return Action{"fail", name, text} }

// Fake starts a fake Secret Service on the bus. If there are several, the first
// gets the calls; when it leaves the bus, the next replaces it.
func (b *Bus) Fake() *Fake {
	b.t.Helper()
	conn, err := dbus.Connect(b.Address())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	f := &Fake{bus: b, conn: conn, items: map[dbus.ObjectPath]*item{}, actions: map[string]Action{}, prompts: map[dbus.ObjectPath]prompt{},
		prompted: make(chan string, 100), keys: map[dbus.ObjectPath][]byte{}}
	f.Reset()
	const root = dbus.ObjectPath(servicePath)
	for _, e := range []struct {
		methods map[string]any
		path    dbus.ObjectPath
		iface   string
	}{
		{map[string]any{"OpenSession": f.openSession, "SearchItems": f.searchAll, "Unlock": f.unlock, "ReadAlias": f.readAlias}, root, service},
		{map[string]any{"SearchItems": f.search, "CreateItem": f.createItem}, root + "/collection", "org.freedesktop.Secret.Collection"},
		{map[string]any{"SearchItems": f.search, "CreateItem": f.createItem}, root + "/aliases", "org.freedesktop.Secret.Collection"},
		{map[string]any{"GetSecret": f.getSecret, "SetSecret": f.setSecret, "Delete": f.delete}, root + "/collection", "org.freedesktop.Secret.Item"},
		{map[string]any{"Prompt": f.prompt, "Dismiss": f.dismiss}, root + "/prompt", "org.freedesktop.Secret.Prompt"},
		{map[string]any{"Close": f.closeSession}, root + "/session", "org.freedesktop.Secret.Session"},
		// godbus calls the deepest path with an export.
		{map[string]any{"Get": f.property}, root, "org.freedesktop.DBus.Properties"},
		{map[string]any{"Get": f.property}, root + "/collection", "org.freedesktop.DBus.Properties"},
		{map[string]any{"Get": f.property}, root + "/aliases", "org.freedesktop.DBus.Properties"},
	} {
		if err := conn.ExportSubtreeMethodTable(e.methods, e.path, e.iface); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := conn.RequestName(serviceName, 0); err != nil {
		b.t.Fatal(err)
	}
	return f
}

// On sets the Action of a method until Reset.
func (f *Fake) On(method string, a Action) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actions[method] = a
}

// Login is the collection that always exists.
const Login = "login"

// Reset restores the normal behaviour of every method, and leaves one collection,
// "login", unlocked and empty.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.actions)
	clear(f.items)
	f.calls, f.locked, f.home = nil, map[string]bool{Login: false}, Login
}

// Lock locks the login collection. The effect of Unlock depends on its Action;
// without one it shows a prompt that is dismissed at once, as gnome-keyring does
// without a display.
func (f *Fake) Lock() { f.LockCollection(Login, true) }

// LockCollection locks or unlocks a collection.
func (f *Fake) LockCollection(name string, locked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked[name] = locked
}

// Collection adds a collection and makes it the default. If replace is set, an
// empty login collection is removed.
func (f *Fake) Collection(name string, replace bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked[name], f.home = false, name
	if replace {
		delete(f.locked, Login)
	}
}

// Default makes another collection the default, as KeePassXC does when the user
// turns to another tab.
func (f *Fake) Default(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.home = name
}

// NoCollection removes every collection.
func (f *Fake) NoCollection() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked, f.home = map[string]bool{}, ""
}

// Put stores an item in the login collection as another program would.
func (f *Fake) Put(service, user, secret string) { f.PutIn(Login, service, user, secret, 1) }

// PutIn stores another item in a collection, with the time of its last change.
func (f *Fake) PutIn(collection, service, user, secret string, modified uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(collection, map[string]string{"service": service, "username": user}, []byte(secret)).modified = modified
}

// Guard makes every access to an item ask the user, even if its collection is
// unlocked.
func (f *Fake) Guard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.items {
		i.guarded = true
	}
}

// Count returns the number of items for the service and user.
func (f *Fake) Count(service, user string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.items {
		if i.attributes["service"] == service && i.attributes["username"] == user {
			n++
		}
	}
	return n
}

// CountIn returns Count in one collection.
func (f *Fake) CountIn(collection, service, user string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.items {
		if i.collection == collection && i.attributes["service"] == service && i.attributes["username"] == user {
			n++
		}
	}
	return n
}

// Secret returns the secret for the service and user. ok is false if there is none.
func (f *Fake) Secret(service, user string) (secret string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.items {
		if i.attributes["service"] == service && i.attributes["username"] == user {
			return string(i.secret), true
		}
	}
	return "", false
}

// Calls returns the methods called since Reset.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// Disconnect leaves the bus, as a crash would.
func (f *Fake) Disconnect() { _ = f.conn.Close() }

// Prompted returns a channel with the name of each method that has shown a prompt.
func (f *Fake) Prompted() <-chan string { return f.prompted }

// Sessions returns the number of open sessions.
func (f *Fake) Sessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys)
}

// Wait waits until done returns true.
func (f *Fake) Wait(what string, done func() bool) {
	f.bus.t.Helper()
	f.bus.wait(what, func(context.Context) bool { return done() })
}

// Answer accepts every prompt that is not answered yet.
func (f *Fake) Answer() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, p := range f.prompts {
		if p.action == Ignore {
			_ = f.conn.Emit(path, "org.freedesktop.Secret.Prompt.Completed", false, p.do())
			delete(f.prompts, path)
		}
	}
}

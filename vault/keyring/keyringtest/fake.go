//go:build unix

package keyringtest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"kitekey/vault/keyring/secretservice"
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

// begin records a call, and handles it if its Action replaces the answer.
func (f *Fake) begin(method string) (Action, *dbus.Error) {
	f.mu.Lock()
	f.calls = append(f.calls, method)
	a := f.actions[method]
	f.mu.Unlock()
	switch a.kind {
	case "hang":
		<-f.conn.Context().Done()
		return a, dbus.MakeFailedError(fmt.Errorf("the test is over"))
	case "disconnect":
		f.Disconnect()
		return a, dbus.MakeFailedError(fmt.Errorf("gone"))
	case "fail":
		return a, dbus.NewError(a.name, []any{a.text})
	}
	return a, nil
}

const noPrompt = dbus.ObjectPath("/")

// ask prepares a prompt if the action asks for one, and otherwise calls do.
func (f *Fake) ask(method string, a Action, do func() dbus.Variant) dbus.ObjectPath {
	switch a.kind {
	case "accept", "dismiss", "ignore":
		f.serial++
		path := dbus.ObjectPath(fmt.Sprintf("%s/prompt/p%d", servicePath, f.serial))
		f.prompts[path] = prompt{method, a, do}
		return path
	case "lie":
		return noPrompt
	}
	do()
	return noPrompt
}

func (f *Fake) prompt(msg dbus.Message, _ string) *dbus.Error {
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	p := f.prompts[path]
	f.mu.Unlock()
	dismissed, result := true, dbus.MakeVariant([]dbus.ObjectPath{})
	switch p.action.kind {
	case "accept":
		f.mu.Lock()
		dismissed, result = false, p.do()
		f.mu.Unlock()
	case "ignore":
		f.prompted <- p.method
		return nil
	}
	f.prompted <- p.method
	_ = f.conn.Emit(path, "org.freedesktop.Secret.Prompt.Completed", dismissed, result)
	return nil
}

func (f *Fake) openSession(algorithm string, input dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("OpenSession")
	if err != nil {
		return dbus.Variant{}, "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	path := dbus.ObjectPath(fmt.Sprintf("%s/session/s%d", servicePath, f.serial))
	if algorithm == "plain" {
		f.keys[path] = nil
		return dbus.MakeVariant(""), path, nil
	}
	theirs, _ := input.Value().([]byte)
	keys := secretservice.NewKeys()
	key, keyErr := keys.Shared(theirs)
	for (a.kind == "ambiguous") == (keyErr == nil) { // it is, by chance, one time in 256
		keys = secretservice.NewKeys()
		key, keyErr = keys.Shared(theirs)
	}
	if a.kind == "ambiguous" {
		delete(f.actions, "OpenSession")
		key = make([]byte, 16) // the client asks again
	}
	f.keys[path] = key
	return dbus.MakeVariant(keys.Public()), path, nil
}

// collectionOf returns the collection of a path, which may be an item's or an
// alias.
func (f *Fake) collectionOf(path dbus.ObjectPath) string {
	rest := strings.TrimPrefix(string(path), servicePath+"/")
	if rest == "aliases/default" {
		return f.home
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(rest, "collection/"), "/")
	return name
}

func collectionPath(name string) dbus.ObjectPath {
	return dbus.ObjectPath(servicePath + "/collection/" + name)
}

func (f *Fake) unlock(paths []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("Unlock")
	if err != nil {
		return nil, noPrompt, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	unlocked := []dbus.ObjectPath{}
	var shut []dbus.ObjectPath
	for _, p := range paths {
		locked, known := f.locked[f.collectionOf(p)]
		switch i := f.items[p]; {
		case !known:
		case locked, i != nil && i.guarded:
			shut = append(shut, p)
		default:
			unlocked = append(unlocked, p)
		}
	}
	if len(shut) == 0 {
		return unlocked, noPrompt, nil
	}
	if a.kind == "" {
		a = Dismiss
	}
	return unlocked, f.ask("Unlock", a, func() dbus.Variant {
		for _, p := range shut {
			f.locked[f.collectionOf(p)] = false
			if i := f.items[p]; i != nil {
				i.guarded = false
			}
		}
		return dbus.MakeVariant(shut)
	}), nil
}

func (f *Fake) readAlias(string) (dbus.ObjectPath, *dbus.Error) {
	_, err := f.begin("ReadAlias")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.home == "" {
		return "/", err
	}
	return collectionPath(f.home), err
}

func (f *Fake) searchAll(attributes map[string]string) (unlocked, locked []dbus.ObjectPath, err *dbus.Error) {
	if _, err := f.begin("SearchItems"); err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	unlocked, locked = []dbus.ObjectPath{}, []dbus.ObjectPath{}
	for path, i := range f.items {
		switch shut, known := f.locked[i.collection]; {
		case shut || !known || !i.matches(attributes):
		case i.guarded:
			locked = append(locked, path)
		default:
			unlocked = append(unlocked, path)
		}
	}
	return unlocked, locked, nil
}

// search is the method of a collection, which go-keyring uses.
func (f *Fake) search(msg dbus.Message, attributes map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	if _, err := f.begin("SearchItems"); err != nil {
		return nil, err
	}
	at, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	found := []dbus.ObjectPath{}
	for path, i := range f.items {
		if i.collection == f.collectionOf(at) && i.matches(attributes) {
			found = append(found, path)
		}
	}
	return found, nil
}

func (i *item) matches(attributes map[string]string) bool {
	for k, v := range attributes {
		if i.attributes[k] != v {
			return false
		}
	}
	return true
}

// secret is the wire form of a secret.
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// open decrypts a secret that a client sent.
func (f *Fake) open(s secret) ([]byte, *dbus.Error) {
	key, ok := f.keys[s.Session]
	if !ok {
		return nil, dbus.NewError("org.freedesktop.Secret.Error.NoSession", []any{"no such session"})
	}
	if key == nil {
		return s.Value, nil
	}
	value, err := secretservice.Decrypt(key, s.Parameters, s.Value)
	if err != nil {
		return nil, dbus.MakeFailedError(err)
	}
	return value, nil
}

func (f *Fake) createItem(msg dbus.Message, properties map[string]dbus.Variant, s secret, replace bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("CreateItem")
	if err != nil {
		return noPrompt, noPrompt, err
	}
	attributes, _ := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	at, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	collection := f.collectionOf(at)
	if locked, known := f.locked[collection]; !known || locked {
		return noPrompt, noPrompt, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", []any{"locked"})
	}
	value, err := f.open(s)
	if err != nil {
		return noPrompt, noPrompt, err
	}
	if a == Empty {
		value = nil
	}
	path := noPrompt
	p := f.ask("CreateItem", a, func() dbus.Variant {
		for old, i := range f.items {
			if replace && i.collection == collection && maps.Equal(i.attributes, attributes) {
				i.secret, path = value, old
				return dbus.MakeVariant(path)
			}
		}
		path = f.pathOf(f.add(collection, attributes, value))
		return dbus.MakeVariant(path)
	})
	return path, p, nil
}

func (f *Fake) add(collection string, attributes map[string]string, value []byte) *item {
	f.serial++
	i := &item{collection: collection, attributes: attributes, secret: value, modified: uint64(f.serial)}
	f.items[dbus.ObjectPath(fmt.Sprintf("%s/i%d", collectionPath(collection), f.serial))] = i
	return i
}

func (f *Fake) pathOf(i *item) dbus.ObjectPath {
	for path, other := range f.items {
		if other == i {
			return path
		}
	}
	return noPrompt
}

// reach returns the item of a call, if the client may have it now.
func (f *Fake) reach(msg dbus.Message) (*item, *dbus.Error) {
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	switch i := f.items[path]; {
	case i == nil:
		return nil, dbus.NewError("org.freedesktop.Secret.Error.NoSuchObject", []any{"no such item"})
	case f.locked[i.collection], i.guarded:
		return nil, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", []any{"locked"})
	default:
		return i, nil
	}
}

func (f *Fake) getSecret(msg dbus.Message, session dbus.ObjectPath) (secret, *dbus.Error) {
	a, err := f.begin("GetSecret")
	if err != nil {
		return secret{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.reach(msg)
	if err != nil {
		return secret{}, err
	}
	key, ok := f.keys[session]
	if !ok {
		return secret{}, dbus.NewError("org.freedesktop.Secret.Error.NoSession", []any{"no such session"})
	}
	value := i.secret
	if a == Empty {
		value = []byte{}
	}
	if key == nil {
		return secret{session, []byte{}, value, "text/plain"}, nil
	}
	iv, wire, _ := secretservice.Encrypt(key, value)
	return secret{session, iv, wire, "text/plain"}, nil
}

func (f *Fake) setSecret(msg dbus.Message, s secret) *dbus.Error {
	a, err := f.begin("SetSecret")
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.reach(msg)
	if err != nil {
		return err
	}
	value, err := f.open(s)
	switch {
	case err != nil:
		return err
	case a == Empty:
		i.secret = nil
	case a != Lie:
		f.serial++
		i.secret, i.modified = value, uint64(f.serial)
	}
	return nil
}

func (f *Fake) delete(msg dbus.Message) (dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("Delete")
	if err != nil {
		return noPrompt, err
	}
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ask("Delete", a, func() dbus.Variant {
		delete(f.items, path)
		return dbus.MakeVariant("")
	}), nil
}

func (f *Fake) property(msg dbus.Message, _, name string) (dbus.Variant, *dbus.Error) {
	if _, err := f.begin("Get " + name); err != nil {
		return dbus.Variant{}, err
	}
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	locked, known := f.locked[f.collectionOf(path)]
	switch i := f.items[path]; {
	case name == "Collections":
		all := []dbus.ObjectPath{}
		for name := range f.locked {
			all = append(all, collectionPath(name))
		}
		return dbus.MakeVariant(all), nil
	case name == "Locked" && known:
		return dbus.MakeVariant(locked || i != nil && i.guarded), nil
	case name == "Attributes" && i != nil:
		return dbus.MakeVariant(i.attributes), nil
	case name == "Modified" && i != nil:
		return dbus.MakeVariant(i.modified), nil
	}
	return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{strings.Join([]string{string(path), name}, " ")})
}

func (f *Fake) closeSession(msg dbus.Message) *dbus.Error {
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, path)
	return nil
}

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

func (f *Fake) dismiss(dbus.Message) *dbus.Error { return nil }

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

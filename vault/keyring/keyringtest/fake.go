//go:build unix

package keyringtest

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Fake is a Secret Service that does what a real one does rarely and never on
// command. It keeps one collection, "login", in memory.
type Fake struct {
	conn *dbus.Conn

	mu        sync.Mutex
	items     map[dbus.ObjectPath]*item
	serial    int
	locked    bool
	noDefault bool
	actions   map[string]Action // by method: "Unlock", "CreateItem", "Delete", "GetSecret", …
	calls     []string
	prompts   map[dbus.ObjectPath]prompt
	prompted  chan string // methods whose prompt was shown
}

type item struct {
	attributes map[string]string
	secret     []byte
}

// prompt is what happens when the user is asked.
type prompt struct {
	method string
	action Action
	do     func() dbus.Variant // the thing itself, when it is accepted
}

// Action is what a method does instead of what it should.
type Action struct{ kind, name, text string }

// The actions.
var (
	Hang       = Action{kind: "hang"}       // never answers
	Disconnect = Action{kind: "disconnect"} // leaves the bus in the middle of the call
	Accept     = Action{kind: "accept"}     // shows a prompt, which the user accepts
	Dismiss    = Action{kind: "dismiss"}    // shows a prompt, which the user dismisses
	Ignore     = Action{kind: "ignore"}     // shows a prompt, which nobody answers
	Lie        = Action{kind: "lie"}        // reports success and does nothing
	Empty      = Action{kind: "empty"}      // stores, or gives, an empty secret
)

// Fail is an error reply.
func Fail(name, text string) Action { return Action{"fail", name, text} }

// Fake starts a fake Secret Service on the bus. Of several the first is the one
// that is asked; when it leaves the bus the next takes its place.
func (b *Bus) Fake() *Fake {
	b.t.Helper()
	conn, err := dbus.Connect(b.Address())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	f := &Fake{conn: conn, items: map[dbus.ObjectPath]*item{}, actions: map[string]Action{}, prompts: map[dbus.ObjectPath]prompt{},
		prompted: make(chan string, 100)}
	const root = dbus.ObjectPath(servicePath)
	for _, e := range []struct {
		methods map[string]any
		path    dbus.ObjectPath
		iface   string
	}{
		{map[string]any{"OpenSession": f.openSession, "SearchItems": f.searchAll, "Unlock": f.unlock, "ReadAlias": f.readAlias}, root, service},
		{map[string]any{"SearchItems": f.search, "CreateItem": f.createItem}, root + "/collection", "org.freedesktop.Secret.Collection"},
		{map[string]any{"SearchItems": f.search, "CreateItem": f.createItem}, root + "/aliases", "org.freedesktop.Secret.Collection"},
		{map[string]any{"GetSecret": f.getSecret, "Delete": f.delete}, root + "/collection", "org.freedesktop.Secret.Item"},
		{map[string]any{"Prompt": f.prompt}, root + "/prompt", "org.freedesktop.Secret.Prompt"},
		{map[string]any{"Close": func() *dbus.Error { return nil }}, root + "/session", "org.freedesktop.Secret.Session"},
		// godbus asks the deepest path that anything is exported on.
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

// On makes a method do something else, until Reset.
func (f *Fake) On(method string, a Action) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actions[method] = a
}

// Reset makes every method behave, unlocks the collection and empties it.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.actions)
	clear(f.items)
	f.calls, f.locked, f.noDefault = nil, false, false
}

// Lock locks the collection. What Unlock does then is up to its action; without
// one it shows a prompt that is dismissed at once, as gnome-keyring does where
// there is no display.
func (f *Fake) Lock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked = true
}

// NoCollection takes the login collection and the default one away.
func (f *Fake) NoCollection() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noDefault = true
}

// Put stores an item as another program would.
func (f *Fake) Put(service, user, secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(map[string]string{"service": service, "username": user}, []byte(secret))
}

// Secret is what is kept for the service and user; ok is false when nothing is.
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

// Calls is the methods called since Reset.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// Disconnect leaves the bus, as a crash would.
func (f *Fake) Disconnect() { _ = f.conn.Close() }

// Prompted delivers the name of each method whose prompt came on the screen.
func (f *Fake) Prompted() <-chan string { return f.prompted }

// begin notes a call and does what is to be done instead of answering it.
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

// ask prepares a prompt when the action wants one; otherwise it does the thing.
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

func (f *Fake) openSession(_ string, _ dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	_, err := f.begin("OpenSession")
	return dbus.MakeVariant(""), servicePath + "/session/s1", err
}

func (f *Fake) unlock(paths []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("Unlock")
	if err != nil {
		return nil, noPrompt, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.noDefault:
		return nil, noPrompt, nil
	case !f.locked:
		return paths, noPrompt, nil
	case a.kind == "":
		a = Dismiss
	}
	return []dbus.ObjectPath{}, f.ask("Unlock", a, func() dbus.Variant {
		f.locked = false
		return dbus.MakeVariant(paths)
	}), nil
}

func (f *Fake) readAlias(string) (dbus.ObjectPath, *dbus.Error) {
	_, err := f.begin("ReadAlias")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noDefault {
		return "/", err
	}
	return loginPath, err
}

func (f *Fake) searchAll(attributes map[string]string) (unlocked, locked []dbus.ObjectPath, err *dbus.Error) {
	found, err := f.search(attributes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locked {
		return []dbus.ObjectPath{}, found, err
	}
	return found, []dbus.ObjectPath{}, err
}

func (f *Fake) search(attributes map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	if _, err := f.begin("SearchItems"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	found := []dbus.ObjectPath{}
	if f.noDefault {
		return found, dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", []any{"no such collection"})
	}
	for path, i := range f.items {
		if i.matches(attributes) {
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

func (f *Fake) createItem(properties map[string]dbus.Variant, s secret, _ bool) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	a, err := f.begin("CreateItem")
	if err != nil {
		return noPrompt, noPrompt, err
	}
	attributes, _ := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locked {
		return noPrompt, noPrompt, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", []any{"locked"})
	}
	if a == Empty {
		s.Value = nil
	}
	path := noPrompt
	p := f.ask("CreateItem", a, func() dbus.Variant {
		path = f.put(attributes, s.Value)
		return dbus.MakeVariant(path)
	})
	return path, p, nil
}

func (f *Fake) put(attributes map[string]string, value []byte) dbus.ObjectPath {
	for path, i := range f.items {
		if maps.Equal(i.attributes, attributes) {
			i.secret = value
			return path
		}
	}
	f.serial++
	path := dbus.ObjectPath(fmt.Sprintf("%s/i%d", loginPath, f.serial))
	f.items[path] = &item{attributes, value}
	return path
}

func (f *Fake) getSecret(msg dbus.Message, session dbus.ObjectPath) (secret, *dbus.Error) {
	a, err := f.begin("GetSecret")
	if err != nil {
		return secret{}, err
	}
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.items[path]
	switch {
	case i == nil:
		return secret{}, dbus.NewError("org.freedesktop.Secret.Error.NoSuchObject", []any{"no such item"})
	case f.locked:
		return secret{}, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", []any{"locked"})
	case a == Empty:
		return secret{Session: session, Parameters: []byte{}, Value: []byte{}, ContentType: "text/plain"}, nil
	}
	return secret{session, []byte{}, i.secret, "text/plain"}, nil
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
	switch {
	case name == "Collections" && f.noDefault:
		return dbus.MakeVariant([]dbus.ObjectPath{}), nil
	case name == "Collections":
		return dbus.MakeVariant([]dbus.ObjectPath{loginPath}), nil
	case name == "Locked":
		return dbus.MakeVariant(f.locked), nil
	case name == "Attributes" && f.items[path] != nil:
		return dbus.MakeVariant(f.items[path].attributes), nil
	}
	return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{strings.Join([]string{string(path), name}, " ")})
}

// Answer accepts every prompt that nobody answered so far.
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

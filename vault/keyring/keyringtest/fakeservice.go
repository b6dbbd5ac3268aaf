//go:build unix

package keyringtest

import (
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"

	"kitekey/vault/keyring/secretservice"
)

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

func (f *Fake) dismiss(dbus.Message) *dbus.Error { return nil }

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

func (f *Fake) closeSession(msg dbus.Message) *dbus.Error {
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, path)
	return nil
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

//go:build unix

package keyringtest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/godbus/dbus/v5"

	"kitekey/vault/keyring/secretservice"
)

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

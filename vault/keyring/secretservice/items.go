package secretservice

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// Search finds items in every collection. Whether it finds those of a locked
// collection depends on the service: see [SearchesLocked].
func (o *Op) Search(attributes map[string]string) (unlocked, locked []Path, err error) {
	err = o.searching(func(ctx context.Context) error {
		return o.conn.object(servicePath).CallWithContext(ctx, serviceIface+".SearchItems", 0, attributes).Store(&unlocked, &locked)
	})
	return unlocked, locked, err
}

// wireSecret is a secret as the specification defines it.
type wireSecret struct {
	Session     Path
	Parameters  []byte
	Value       []byte
	ContentType string
}

// contentType is the one that go-keyring writes. KeePassXC stores anything that is
// not text as an attachment.
const contentType = "text/plain; charset=utf8"

// Secret reads an item's secret.
func (o *Op) Secret(item Path) ([]byte, error) {
	var s wireSecret
	if err := o.call(item, itemIface+".GetSecret", []any{o.conn.session}, []any{&s}); err != nil {
		return nil, err
	}
	if len(s.Value) == 0 {
		return nil, nil
	}
	return Decrypt(o.conn.key, s.Parameters, s.Value)
}

func (o *Op) seal(value []byte) (wireSecret, error) {
	iv, wire, err := Encrypt(o.conn.key, value)
	return wireSecret{o.conn.session, iv, wire, contentType}, err
}

// SetSecret replaces the secret of an item.
func (o *Op) SetSecret(item Path, value []byte) error {
	s, err := o.seal(value)
	if err != nil {
		return err
	}
	return o.call(item, itemIface+".SetSecret", []any{s}, nil)
}

// Create creates an item in a collection, or replaces the one there that has the
// same attributes.
func (o *Op) Create(collection Path, label string, attributes map[string]string, value []byte) (item Path, err error) {
	s, err := o.seal(value)
	if err != nil {
		return "", err
	}
	properties := map[string]dbus.Variant{
		itemIface + ".Label":      dbus.MakeVariant(label),
		itemIface + ".Attributes": dbus.MakeVariant(attributes),
	}
	var prompt Path
	if err := o.call(collection, collectionIface+".CreateItem", []any{properties, s, true}, []any{&item, &prompt}); err != nil {
		return "", err
	}
	result, err := o.answer(prompt)
	if created, ok := result.Value().(Path); ok && err == nil {
		item = created
	}
	return item, err
}

// Delete deletes an item.
func (o *Op) Delete(item Path) error {
	var prompt Path
	if err := o.call(item, itemIface+".Delete", nil, []any{&prompt}); err != nil {
		return err
	}
	_, err := o.answer(prompt)
	return err
}

// Attributes reads an item's attributes. gnome-keyring hashes those of a locked
// collection.
func (o *Op) Attributes(item Path) (map[string]string, error) {
	v, err := o.property(item, itemIface, "Attributes")
	attributes, _ := v.Value().(map[string]string)
	return attributes, err
}

// Modified reads when an item was last changed.
func (o *Op) Modified(item Path) (time.Time, error) {
	v, err := o.property(item, itemIface, "Modified")
	seconds, _ := v.Value().(uint64)
	return time.Unix(int64(seconds), 0), err //nolint:gosec // a time
}

package secretservice

import (
	"errors"
	"path"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Unlock unlocks collections, or gets access to items. The error is ErrStillLocked
// if the service did not unlock them, and ErrDismissed if the user refused.
func (o *Op) Unlock(objects ...Path) error {
	var unlocked []Path
	var prompt Path
	if err := o.call(servicePath, serviceIface+".Unlock", []any{objects}, []any{&unlocked, &prompt}); err != nil {
		return err
	}
	result, err := o.answer(prompt)
	if err != nil {
		return err
	}
	if more, ok := result.Value().([]Path); ok {
		unlocked = append(unlocked, more...)
	}
	if len(unlocked) == 0 {
		return ErrStillLocked
	}
	return nil
}

// Home returns the collection for new items: the login collection, or else the
// default one. An unlocked one comes before a locked one, because the person may not
// know the password of a login collection from before they logged in without one. If
// there is neither, any other is used: items are found in every collection. The error is
// ErrNoCollection if none outlasts the session.
func (o *Op) Home() (Path, error) {
	all, locked, err := o.Collections()
	if err != nil {
		return "", err
	}
	var standard Path
	if err := o.call(servicePath, serviceIface+".ReadAlias", []any{"default"}, []any{&standard}); err != nil {
		return "", err
	}
	var homes []Path
	if slices.Contains(all, loginPath) {
		homes = append(homes, loginPath)
	}
	if standard != noPath && standard != "" && !temporary(standard) {
		homes = append(homes, standard)
	}
	if len(homes) == 0 {
		homes = all
	}
	for _, home := range homes {
		if !slices.Contains(locked, home) {
			return home, nil
		}
	}
	if len(homes) == 0 {
		return "", ErrNoCollection
	}
	return homes[0], nil
}

// temporary reports whether a collection ends with the session. kitekey puts nothing there.
func temporary(collection Path) bool { return path.Base(string(collection)) == "session" }

// Collections lists all collections, and those that are locked, without the
// temporary one that ends with the session.
func (o *Op) Collections() (all, locked []Path, err error) {
	v, err := o.property(servicePath, serviceIface, "Collections")
	if err != nil {
		return nil, nil, err
	}
	listed, _ := v.Value().([]Path)
	for _, c := range listed {
		if temporary(c) {
			continue
		}
		v, err := o.property(c, collectionIface, "Locked")
		var busError dbus.Error
		if errors.As(err, &busError) && !Disconnected(err) {
			continue // closed meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, c)
		if is, _ := v.Value().(bool); is {
			locked = append(locked, c)
		}
	}
	return all, locked, nil
}

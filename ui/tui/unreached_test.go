package tui

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"kitekey/vault"
)

func unreachable(otherStore string) setup {
	return setup{empty: true, options: func(o *Options) { o.OtherStore = otherStore }, before: func(d *driver) { d.store.Fail(vault.ErrUnavailable) }}
}

func TestUnreached_IsSaidBeforeASecretIsTyped(t *testing.T) {
	drive(t, unreachable("file"), func(t *testing.T, d *driver) {
		d.sees("is not available", "Press F to use the file store now", "F file store", "No accounts here yet")
		d.store.On(nil, nil)
		d.send(tea.FocusMsg{}).lacks("not available", "F file store")
	})
}

// What can be done instead is at its end.
func TestUnreached_IsSaidWholeWithoutItsBlankLines(t *testing.T) {
	s := unreachable("file")
	s.width, s.height = 80, 20
	drive(t, s, func(t *testing.T, d *driver) {
		d.sees("is not available", "Press F to use the file store now", "nothing stored.")
	})
}

func TestUnreached_FTakesTheOtherStore(t *testing.T) {
	drive(t, unreachable("file"), func(t *testing.T, d *driver) {
		d.press("F")
		if !d.app.otherStore {
			t.Error("the screen goes on with the store that cannot be reached")
		}
	})
}

func TestUnreached_NothingIsOfferedWhereThereIsNoOtherStore(t *testing.T) {
	drive(t, unreachable(""), func(t *testing.T, d *driver) {
		d.lacks("not available", "F file store").press("F").sees("is in use")
	})
}

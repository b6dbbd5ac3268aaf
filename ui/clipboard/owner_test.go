//go:build linux

package clipboard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"kitekey/ui/clipboard/clipboardtest"
)

// owner is an application that has the clipboard and serves it in its own way.
type owner struct {
	form   string        // the only form that it gives
	after  time.Duration // how long it takes to answer; negative for ever
	pieces bool          // it gives the text in pieces of 7 bytes
}

// take takes the clipboard over with a text, until the test ends.
func (w owner) take(t *testing.T, x *clipboardtest.X, text string) {
	t.Helper()
	conn, err := dialX11(x.Display)
	if err != nil {
		t.Fatal(err)
	}
	atom := func(name string) xproto.Atom {
		reply, err := xproto.InternAtom(conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return reply.Atom
	}
	form, clipboard, incr := atom(w.form), atom("CLIPBOARD"), atom("INCR")
	window, err := xproto.NewWindowId(conn)
	if err != nil {
		t.Fatal(err)
	}
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	xproto.CreateWindow(conn, 0, window, root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil)
	if err := xproto.SetSelectionOwnerChecked(conn, window, clipboard, xproto.TimeCurrentTime).Check(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	put := func(e xproto.SelectionRequestEvent, typ xproto.Atom, format byte, data []byte) {
		xproto.ChangeProperty(conn, xproto.PropModeReplace, e.Requestor, e.Property, typ, format, uint32(len(data))/uint32(format/8), data)
	}
	go func() {
		defer close(ended)
		var asked xproto.SelectionRequestEvent
		var left []byte
		sending := false
		for {
			ev, xerr := conn.WaitForEvent()
			if ev == nil && xerr == nil {
				return
			}
			switch e := ev.(type) {
			case xproto.SelectionRequestEvent:
				if w.after < 0 {
					continue
				}
				time.Sleep(w.after)
				answer := xproto.SelectionNotifyEvent{Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target}
				if e.Target == form {
					answer.Property = e.Property
					if w.pieces {
						asked, left, sending = e, []byte(text), true
						xproto.ChangeWindowAttributes(conn, e.Requestor, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
						size := make([]byte, 4)
						xgb.Put32(size, uint32(len(text)))
						put(e, incr, 32, size)
					} else {
						put(e, form, 8, []byte(text))
					}
				}
				xproto.SendEvent(conn, false, e.Requestor, xproto.EventMaskNoEvent, string(answer.Bytes()))
			case xproto.PropertyNotifyEvent:
				if !sending || e.State != xproto.PropertyDelete || e.Window != asked.Requestor || e.Atom != asked.Property {
					continue
				}
				n := min(7, len(left))
				put(asked, form, 8, left[:n])
				sending, left = n > 0, left[n:]
			}
		}
	}()
}

// Whatever application has the text by then, and however it gives it.
func TestX11_ClearsWhatAnOddOwnerHas(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for slow owners")
	}
	for name, w := range map[string]owner{
		"one answer": {form: "UTF8_STRING"}, "late": {form: "UTF8_STRING", after: 1500 * time.Millisecond},
		"in pieces": {form: "UTF8_STRING", pieces: true}, "Latin-1 alone": {form: "STRING"}, "a MIME type alone": {form: "text/plain;charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := clipboardtest.StartX(t)
			c := start(t, Options{Env: x.Env})
			mustCopy(t, c, canary, far())
			w.take(t, x, canary)
			if err := c.Clear(t.Context()); err != nil {
				t.Error(err)
			}
			if got, err := x.PasteAs(w.form); strings.Contains(got, canary) || err != nil && !errors.Is(err, clipboardtest.ErrNothing) {
				t.Errorf("there is %q, %v", got, err)
			}
		})
	}
}

func TestX11_LeavesAnotherTextInPiecesAlone(t *testing.T) {
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := start(t, Options{Env: x.Env})
	mustCopy(t, c, canary, far())
	owner{form: "UTF8_STRING", pieces: true}.take(t, x, "something else in pieces")
	if err := c.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := x.Paste(); err != nil || got != "something else in pieces" {
		t.Errorf("there is %q, %v", got, err)
	}
}

// Whether a silent application has the text cannot be known, and is not said to be
// cleared.
func TestX11_SaysThatAnOwnerIsSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for an owner that does not answer")
	}
	t.Parallel()
	x := clipboardtest.StartX(t)
	c := New(Options{Env: x.Env, Helper: helper})
	mustCopy(t, c, canary, far())
	h := c.last.(*helperSession)
	owner{form: "UTF8_STRING", after: -1}.take(t, x, canary)
	if err := c.Clear(t.Context()); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("Clear: %v", err)
	}
	<-h.ended
}

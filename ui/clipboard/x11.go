//go:build !windows && !darwin

package clipboard

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// x11Owner owns the CLIPBOARD selection. In X a selection's text stays with its
// owner, who passes it to the application that pastes. The rules are in the ICCCM,
// chapter 2: https://x.org/releases/X11R7.7/doc/xorg-docs/icccm/icccm.html
//
// kitekey copies to neither PRIMARY, which a middle click pastes, nor the cut buffers.
// Other programs do (autocutsel, managers that are set to synchronise the selections),
// so they are cleared as well. It does not use SAVE_TARGETS, with which an ending program gives its text to the clipboard
// manager; a hint that comes from KDE asks the manager not to take the text itself.
type x11Owner struct {
	conn     *xgb.Conn
	window   xproto.Window
	atoms    map[string]xproto.Atom
	names    map[xproto.Atom]string
	since    xproto.Timestamp
	secret   []byte
	until    time.Time
	instead  atomic.Pointer[string]           // the text to serve instead of the secret, if any
	lost     chan struct{}                    // closed when another application has become the owner
	gone     chan struct{}                    // closed when the connection has ended
	answered chan xproto.SelectionNotifyEvent // the present owner's answer to our request
	pieces   chan struct{}                    // the present owner has put a piece of its text down
}

// x11Atoms are the names used. The first group can be requested.
var x11Atoms = []string{
	"TARGETS", "TIMESTAMP", "MULTIPLE",
	"UTF8_STRING", "STRING", "text/plain;charset=utf-8", "text/plain", passwordHint,
	"CLIPBOARD", "ATOM_PAIR", "KITEKEY", "INCR",
}

// passwordHint, with the value "secret", marks a password for Klipper, CopyQ, GPaste
// and others. KeePassXC does the same.
const (
	passwordHint  = "x-kde-passwordManagerHint"
	passwordValue = "secret"
)

const offered = 8

func dialX11(display string) (*xgb.Conn, error) {
	// xgb logs to stderr, which in kitekey is the screen.
	xgb.Logger = log.New(io.Discard, "", 0)
	if err := checkDisplay(display); err != nil {
		return nil, fmt.Errorf("the X display %s is not used: %w", display, err)
	}
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("the X display %s cannot be reached: %w", display, err)
	}
	return conn, nil
}

// holdX11 takes the CLIPBOARD selection of the display, and serves secret until the
// given time, never after it.
func holdX11(display string, secret []byte, until time.Time) (holder, error) {
	conn, err := dialX11(display)
	if err != nil {
		return nil, err
	}
	o := &x11Owner{conn: conn, secret: secret, until: until,
		lost: make(chan struct{}), gone: make(chan struct{}), answered: make(chan xproto.SelectionNotifyEvent, 1), pieces: make(chan struct{}, 1),
		atoms: map[string]xproto.Atom{}, names: map[xproto.Atom]string{}}
	if err := o.acquire(); err != nil {
		conn.Close()
		return nil, err
	}
	go o.serve()
	return o, nil
}

func (o *x11Owner) acquire() error {
	for _, name := range x11Atoms {
		reply, err := xproto.InternAtom(o.conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return err
		}
		o.atoms[name], o.names[reply.Atom] = reply.Atom, name
	}
	var err error
	if o.window, err = xproto.NewWindowId(o.conn); err != nil {
		return err
	}
	screen := xproto.Setup(o.conn).DefaultScreen(o.conn)
	err = xproto.CreateWindowChecked(o.conn, 0, o.window, screen.Root, 0, 0, 1, 1, 0,
		xproto.WindowClassInputOnly, 0, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check()
	if err != nil {
		return err
	}
	// A selection is taken with the server's time, which the notification of a
	// changed property tells (ICCCM 2.1 forbids CurrentTime: with it two owners could
	// not be told apart).
	xproto.ChangeProperty(o.conn, xproto.PropModeReplace, o.window, o.atoms["KITEKEY"], xproto.AtomString, 8, 0, nil)
	for o.since == 0 {
		ev, xerr := o.conn.WaitForEvent()
		if ev == nil && xerr == nil {
			return errors.New("the X server closed the connection")
		}
		if p, ok := ev.(xproto.PropertyNotifyEvent); ok && p.Window == o.window {
			o.since = p.Time
		}
	}
	xproto.SetSelectionOwner(o.conn, o.window, o.atoms["CLIPBOARD"], o.since)
	owner, err := xproto.GetSelectionOwner(o.conn, o.atoms["CLIPBOARD"]).Reply()
	if err != nil {
		return err
	}
	if owner.Owner != o.window {
		return errors.New("another application took the clipboard at the same moment")
	}
	return nil
}

// serve answers the applications that paste, until the connection ends.
func (o *x11Owner) serve() {
	defer close(o.gone)
	lost := sync.OnceFunc(func() { close(o.lost) })
	for {
		ev, xerr := o.conn.WaitForEvent()
		if ev == nil && xerr == nil {
			return
		}
		switch e := ev.(type) { // an error concerns a requestor that has ended: ignore it
		case xproto.SelectionClearEvent:
			if e.Selection == o.atoms["CLIPBOARD"] {
				lost()
			}
		case xproto.SelectionNotifyEvent:
			select {
			case o.answered <- e:
			default:
			}
		case xproto.PropertyNotifyEvent:
			if e.State == xproto.PropertyNewValue && e.Atom == o.atoms["KITEKEY"] {
				select {
				case o.pieces <- struct{}{}:
				default:
				}
			}
		case xproto.SelectionRequestEvent:
			o.answer(e)
		}
	}
}

func (o *x11Owner) answer(e xproto.SelectionRequestEvent) {
	property := e.Property
	if property == xproto.AtomNone {
		property = e.Target // an obsolete client; ICCCM 2.2
	}
	stale := e.Time != xproto.TimeCurrentTime && e.Time < o.since
	ours := e.Selection == o.atoms["CLIPBOARD"] || e.Selection == xproto.AtomPrimary
	if !ours || stale || !o.convert(e.Requestor, e.Target, property) {
		property = xproto.AtomNone
	}
	reply := xproto.SelectionNotifyEvent{Time: e.Time, Requestor: e.Requestor,
		Selection: e.Selection, Target: e.Target, Property: property}
	xproto.SendEvent(o.conn, false, e.Requestor, xproto.EventMaskNoEvent, string(reply.Bytes()))
}

// convert puts the selection, as target, into a property of the requestor, and
// reports whether it could.
func (o *x11Owner) convert(requestor xproto.Window, target, property xproto.Atom) bool {
	put := func(typ xproto.Atom, format byte, data []byte) bool {
		n := len(data) / int(format/8)
		err := xproto.ChangePropertyChecked(o.conn, xproto.PropModeReplace, requestor, property, typ, format, uint32(n), data).Check()
		return err == nil
	}
	switch name := o.names[target]; name {
	case "TARGETS":
		list := make([]byte, 4*offered)
		for i, n := range x11Atoms[:offered] {
			xgb.Put32(list[4*i:], uint32(o.atoms[n]))
		}
		return put(xproto.AtomAtom, 32, list)
	case "TIMESTAMP":
		t := make([]byte, 4)
		xgb.Put32(t, uint32(o.since))
		return put(xproto.AtomInteger, 32, t)
	case "UTF8_STRING", "STRING", "text/plain;charset=utf-8", "text/plain":
		if text := o.instead.Load(); text != nil {
			return put(target, 8, []byte(*text))
		}
		if past(o.until) {
			return put(target, 8, nil)
		}
		return put(target, 8, o.secret)
	case passwordHint:
		return put(target, 8, []byte(passwordValue))
	case "MULTIPLE":
		return o.convertMultiple(requestor, property, put)
	}
	return false
}

// convertMultiple does several conversions at once: the property lists pairs of
// target and property, and convertMultiple removes those that it cannot convert.
func (o *x11Owner) convertMultiple(requestor xproto.Window, property xproto.Atom, put func(xproto.Atom, byte, []byte) bool) bool {
	const most = 2 * 64
	pairs, err := xproto.GetProperty(o.conn, false, requestor, property, o.atoms["ATOM_PAIR"], 0, most).Reply()
	if err != nil || pairs.Format != 32 {
		return false
	}
	for i := 0; i+8 <= len(pairs.Value); i += 8 {
		target, to := xproto.Atom(xgb.Get32(pairs.Value[i:])), xproto.Atom(xgb.Get32(pairs.Value[i+4:]))
		if o.names[target] == "MULTIPLE" || !o.convert(requestor, target, to) {
			xgb.Put32(pairs.Value[i+4:], uint32(xproto.AtomNone))
		}
	}
	return put(o.atoms["ATOM_PAIR"], 32, pairs.Value)
}

func (o *x11Owner) Lost() <-chan struct{} { return o.lost }
func (o *x11Owner) Gone() <-chan struct{} { return o.gone }

// Clear takes each selection that has the secret with another text and gives it up, as
// long as the secret is there: this process's, or a copy that another application
// serves. It overwrites the cut buffers that have it.
func (o *x11Owner) Clear(newer func() bool) error {
	defer o.Release()
	owners := map[xproto.Atom]xproto.Window{} // of the selections that have the secret
	var buffers []xproto.Atom
	there := func() (bool, error) {
		clear(owners)
		owner, secret, err := o.look(o.atoms["CLIPBOARD"], 4*time.Second)
		if err != nil {
			return false, err
		}
		if secret {
			owners[o.atoms["CLIPBOARD"]] = owner
		}
		// If another program owns the selection and does not give it, it is not our copy.
		if owner, secret, _ := o.look(xproto.AtomPrimary, time.Second); secret {
			owners[xproto.AtomPrimary] = owner
		}
		buffers = o.cutBuffers()
		return len(owners)+len(buffers) > 0, nil
	}
	overwrite := func(text string) error {
		o.instead.Store(&text)
		for selection, owner := range owners {
			if !o.own(selection, owner, o.window) {
				delete(owners, selection)
			}
		}
		for _, buffer := range buffers {
			xproto.ChangeProperty(o.conn, xproto.PropModeReplace, o.root(), buffer, xproto.AtomString, 8, uint32(len(text)), []byte(text))
		}
		if len(owners) > 0 {
			select {
			case <-o.gone:
			case <-time.After(lingering):
			}
		}
		for selection := range owners {
			o.own(selection, o.window, xproto.WindowNone)
		}
		return nil
	}
	return clearWhileThere(newer, there, overwrite)
}

func (o *x11Owner) root() xproto.Window { return xproto.Setup(o.conn).DefaultScreen(o.conn).Root }

// cutBuffers returns the cut buffers whose text is the secret: eight properties of the
// root window, older than selections, which autocutsel and xterm can still use.
func (o *x11Owner) cutBuffers() (with []xproto.Atom) {
	var asked []xproto.GetPropertyCookie
	for buffer := xproto.Atom(xproto.AtomCutBuffer0); buffer <= xproto.AtomCutBuffer7; buffer++ {
		asked = append(asked, xproto.GetProperty(o.conn, false, o.root(), buffer, xproto.AtomString, 0, MaxSize/4+1))
	}
	for i, cookie := range asked {
		text, err := cookie.Reply()
		if err != nil {
			continue
		}
		if subtle.ConstantTimeCompare(text.Value, o.secret) == 1 {
			with = append(with, xproto.AtomCutBuffer0+xproto.Atom(i))
		}
		clear(text.Value)
	}
	return with
}

// lingering is how long another text is offered instead of the secret. An
// application that keeps copies asks for it at once, or within half a second.
const lingering = 600 * time.Millisecond

// look returns a selection's owner, and whether its text is the secret. It asks for the
// text in one form after another, until the owner has one. The error is errSilent if the
// owner does not answer in time.
func (o *x11Owner) look(selection xproto.Atom, limit time.Duration) (owner xproto.Window, secret bool, err error) {
	reply, err := xproto.GetSelectionOwner(o.conn, selection).Reply()
	switch {
	case err != nil || reply.Owner == xproto.WindowNone:
		return xproto.WindowNone, false, nil
	case reply.Owner == o.window:
		return o.window, o.instead.Load() == nil, nil
	}
	timeUp := time.After(limit)
	for _, form := range []string{"UTF8_STRING", "text/plain;charset=utf-8", "STRING"} {
		text, err := o.ask(selection, o.atoms[form], timeUp)
		same := subtle.ConstantTimeCompare(text, o.secret) == 1
		clear(text)
		if err == nil || errors.Is(err, errSilent) {
			return reply.Owner, same && err == nil, err
		}
	}
	return reply.Owner, false, nil
}

// Why an owner does not give its text.
var (
	errSilent  = errors.New("the application that has it now does not answer; copy something else there")
	errNoText  = errors.New("it has no such text")
	errTooLong = errors.New("it is longer than any secret")
)

// ask asks a selection's owner for its text in one form. A text may come in pieces
// (INCR), whatever its size.
func (o *x11Owner) ask(selection, form xproto.Atom, timeUp <-chan time.Time) (text []byte, err error) {
	property := o.atoms["KITEKEY"]
	xproto.ConvertSelection(o.conn, o.window, selection, form, property, xproto.TimeCurrentTime)
	for {
		select {
		case e := <-o.answered:
			if e.Selection != selection || e.Target != form {
				continue // a late answer to an earlier request
			}
			if e.Property != property {
				return nil, errNoText
			}
			return o.takeText(property, timeUp)
		case <-o.gone:
			return nil, errNoText
		case <-timeUp:
			return nil, errSilent
		}
	}
}

// takeText reads the text that an owner has put into a property of the window, whole
// or in pieces. text is what has come so far if it fails.
func (o *x11Owner) takeText(property xproto.Atom, timeUp <-chan time.Time) (text []byte, err error) {
	for inPieces := false; ; {
		// To take the text is to ask for the next piece.
		piece, err := xproto.GetProperty(o.conn, true, o.window, property, xproto.AtomNone, 0, MaxSize/4+1).Reply()
		switch {
		case err != nil:
			return text, errNoText
		case piece.Type == o.atoms["INCR"]:
			inPieces = true
		case piece.Type == xproto.AtomNone && inPieces: // it is not there yet
		default:
			text = append(text, piece.Value...)
			clear(piece.Value)
			switch {
			case piece.BytesAfter > 0, len(text) > MaxSize:
				return text, errTooLong
			case !inPieces || len(piece.Value) == 0:
				return text, nil
			}
		}
		select {
		case <-o.pieces:
		case <-o.gone:
			return text, errNoText
		case <-timeUp:
			return text, errSilent
		}
	}
}

// own makes the window a selection's owner, unless the present owner is not the
// expected one. It grabs the server for the two requests, so that no copy made in
// between is lost.
func (o *x11Owner) own(selection xproto.Atom, expected, window xproto.Window) bool {
	xproto.GrabServer(o.conn)
	defer xproto.UngrabServer(o.conn)
	owner, err := xproto.GetSelectionOwner(o.conn, selection).Reply()
	if err != nil || owner.Owner != expected {
		return false
	}
	// CurrentTime is safe here: while the server is grabbed, no other client can
	// become the owner.
	xproto.SetSelectionOwner(o.conn, window, selection, xproto.TimeCurrentTime)
	return true
}

// Release destroys the owner's window. The server then removes the selection from
// it, if it still has it.
func (o *x11Owner) Release() {
	_ = xproto.DestroyWindowChecked(o.conn, o.window).Check()
	o.conn.Close()
	<-o.gone
}

package secretservice

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// answer shows a prompt, waits for the user's answer for at most o.Patience, and
// then dismisses the prompt.
func (o *Op) answer(prompt Path) (result dbus.Variant, err error) {
	if prompt == noPath || prompt == "" {
		return dbus.Variant{}, nil
	}
	o.Asked = true
	c := o.conn
	if err := o.listen(); err != nil {
		return dbus.Variant{}, err
	}
	if err := o.call(prompt, promptIface+".Prompt", []any{""}, nil); err != nil {
		return dbus.Variant{}, err
	}
	told := time.NewTimer(min(o.Patience, toldAfter))
	defer told.Stop()
	patience := time.NewTimer(o.Patience)
	defer patience.Stop()
	for {
		select {
		case s := <-c.signals:
			if result, ok, err := completed(s, prompt); ok {
				return result, err
			}
		case <-told.C:
			o.Waiting()
		case <-patience.C:
			o.dismiss(prompt)
			return dbus.Variant{}, ErrUnanswered
		case <-o.ctx.Done():
			o.dismiss(prompt)
			return dbus.Variant{}, o.ctx.Err()
		case <-c.bus.Context().Done():
			return dbus.Variant{}, ErrDisconnected
		}
	}
}

// listen has the bus send the answers to prompts, and the end of the service, after
// which none comes.
func (o *Op) listen() error {
	c := o.conn
	if c.signals != nil {
		return nil
	}
	c.signals = make(chan *dbus.Signal, 64)
	c.bus.Signal(c.signals)
	return o.limited(func(ctx context.Context) error {
		if err := c.bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(promptIface), dbus.WithMatchMember("Completed")); err != nil {
			return err
		}
		return c.bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface("org.freedesktop.DBus"),
			dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, Name))
	})
}

// completed reads the answer to a prompt from a signal, which is nil once the
// connection is closed. ok is false for another prompt's signal.
func completed(s *dbus.Signal, prompt Path) (result dbus.Variant, ok bool, err error) {
	switch {
	case s == nil || s.Name == "org.freedesktop.DBus.NameOwnerChanged":
		return dbus.Variant{}, true, ErrDisconnected
	case s.Path != prompt || s.Name != promptIface+".Completed" || len(s.Body) != 2:
		return dbus.Variant{}, false, nil
	}
	if dismissed, _ := s.Body[0].(bool); dismissed {
		return dbus.Variant{}, true, ErrDismissed
	}
	result, _ = s.Body[1].(dbus.Variant)
	return result, true, nil
}

// toldAfter is how long a prompt must be on the screen before the front end is told
// that the user is being asked. Without a display it is dismissed sooner.
const toldAfter = 300 * time.Millisecond

func (o *Op) dismiss(prompt Path) {
	o.conn.object(prompt).Go(promptIface+".Dismiss", dbus.FlagNoReplyExpected, nil)
}

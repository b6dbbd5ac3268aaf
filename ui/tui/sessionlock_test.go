package tui

import (
	"testing"

	"kitekey/ui/session"
)

func TestSessionLock_LocksAndSaysWhenSecretsAreGone(t *testing.T) {
	var requests chan session.Request
	connect := func(o *Options) {
		requests = make(chan session.Request)
		o.Session = requests
	}
	drive(t, setup{options: connect}, func(t *testing.T, d *driver) {
		defer close(requests)
		d.press("s").sees("sim-secret-acme-sandbox")
		var shown *secretHolder
		d.look(func(a *app) { shown = a.reveal.holder })
		done := 0
		ask := func() {
			requests <- session.Request{Done: func() {
				if c, _ := shown.get(); c.Complete() {
					t.Error("it says that secrets are gone while it holds one")
				}
				done++
			}}
			d.settle()
		}
		ask()
		d.sees("kitekey is locked").lacks("sim-secret")
		// A screen that is locked already has nothing to clear, and answers again.
		ask()
		if d.sees("kitekey is locked"); done != 2 {
			t.Errorf("done was said %d times", done)
		}
		d.press("space").sees("acme / sandbox").lacks("sim-secret")
	})
}

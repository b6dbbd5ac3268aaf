package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
)

func TestStandIns_TakeAsManyCellsAsTheSecret(t *testing.T) {
	for _, text := range []string{"sk_live_1234", "clé-secrète", "cle\u0301", "密钥-7", "é", "देव"} {
		for _, method := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
			var s standIns
			drawn := s.add(kite.NewSecret(text), method)
			if got, want := method.StringWidth(drawn), method.StringWidth(text); got != want {
				t.Errorf("%q: %d cells, want %d", text, got, want)
			}
			if strings.ContainsAny(drawn, text) {
				t.Errorf("%q is in %q", text, drawn)
			}
			if got := string(s.replace([]byte("\x1b[1m" + drawn + "│"))); got != "\x1b[1m"+text+"│" {
				t.Errorf("%q is shown as %q", text, got)
			}
		}
	}
}

func TestStandIns_OfOneSecretAreNotThoseOfTheNext(t *testing.T) {
	var s standIns
	var last []rune
	for range 200 { // also beyond the end of the plane
		secret := kite.NewSecret(strings.Repeat("k", 600))
		drawn := []rune(s.add(secret, ansi.WcWidth))
		for i, r := range last {
			if drawn[i] == r {
				t.Fatalf("cell %d has the stand-in of the last secret, and would not be drawn anew", i)
			}
		}
		last = drawn
		s.forget()
	}
}

func TestStandIns_ShowAsterisksOnceHidden(t *testing.T) {
	for name, hide := range map[string]func(*standIns, kite.Secret){
		"erased":    func(_ *standIns, secret kite.Secret) { secret.Erase() },
		"forgotten": func(s *standIns, _ kite.Secret) { s.forget() },
	} {
		var s standIns
		secret := kite.NewSecret("secret")
		late := s.add(secret, ansi.WcWidth)
		hide(&s, secret)
		if got := string(s.replace([]byte(late))); got != "******" {
			t.Errorf("%s: a late frame shows %q", name, got)
		}
	}
}

package words

import (
	"slices"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

func TestFold_DropsCaseAndAccents(t *testing.T) {
	for s, want := range map[string]string{
		"Café Łódź": "cafe lodz", "ÉLÉCTRIQUE": "electrique", "Straße": "strasse", "Магазин Ёж": "магазин еж", "متجر": "متجر",
		"Cafe\u0301": "cafe", "ﬁn": "fin", "珊瑚": "珊瑚", "🛍": "🛍", "ASCII": "ascii",
	} {
		if got := Fold(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestFoldAt_TellsWhereEachCharacterBegins(t *testing.T) {
	if folded, at := FoldAt("Éß"); folded != "ess" || !slices.Equal(at, []int{0, 2, 2}) {
		t.Errorf("%q %v", folded, at)
	}
}

func TestMatches_ReadsTheWordsOfAFilter(t *testing.T) {
	p := vault.Profile{Selector: vault.Selector{Account: "acme", Environment: kite.Live}, Label: "Café Łódź", Verdict: vault.VerdictRejected}
	text := FilterText(&p, "Invalid API key")
	for filter, want := range map[string]bool{
		"cafe": true, "LODZ café": true, "acme/live": true, "acme/sandbox": false, "live": true, "!live": false, "failing": true,
		"!failing": false, "refused": true, "invalid": true, "unexpired": false, "!": true, "": true, "acme !cafe": false,
	} {
		if got := Matches(Terms(filter), &p, text, time.Now()); got != want {
			t.Errorf("%q: %v", filter, got)
		}
	}
}

func TestTerms_KeepQuotedWordsTogether(t *testing.T) {
	p := vault.Profile{Selector: vault.Selector{Account: "acme", Environment: kite.Live}, Label: "Acme Stores Ltd", Verdict: vault.VerdictRateLimited}
	text := FilterText(&p, "429 Slow down")
	for filter, want := range map[string]bool{
		`"acme stores"`: true, `"stores acme"`: false, `“Acme Stores”`: true, `„acme  stores“`: true, `"acme live"`: true, `"too many"`: true,
		`!"too many"`: false, `!"many too"`: true, `"acme stores`: true, `"`: true, `""`: true, `!"" acme`: true, `"slow down" ltd`: true,
		`don"t`: false,
	} {
		if got := Matches(Terms(filter), &p, text, time.Now()); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestMatches_FindsExpiredTokens(t *testing.T) {
	now := time.Now()
	p := vault.Profile{Selector: vault.Selector{Account: "acme", Environment: kite.Sandbox}}
	for deadline, want := range map[time.Time]bool{{}: false, now.Add(-time.Minute): true, now.Add(time.Minute): false} {
		p.Token.Deadline = deadline
		if Matches(Terms("expired"), &p, FilterText(&p), now) != want || Matches(Terms("!expired"), &p, FilterText(&p), now) == want {
			t.Errorf("%s from now: not %v", deadline.Sub(now), want)
		}
	}
}

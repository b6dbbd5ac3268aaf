package tui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"kitekey/kite"
	"kitekey/vault"
)

// advice explains a verdict to somebody who has never seen the API.
type advice struct{ means, next string }

func adviceFor(v vault.Verdict) advice {
	switch v {
	case vault.VerdictOK:
		return advice{"Kitegateway took this key pair and minted a token with it.", "Nothing to do."}
	case vault.VerdictRejected:
		return advice{
			"Kitegateway answered and does not accept this key pair. The api_key or the api_secret is wrong, it was replaced or deleted, or it belongs to the other environment. The network is fine.",
			"Compare the last four characters of the api_key with those in the Kitegateway dashboard. If they differ or you are unsure, generate a new pair there and press r to put it in.",
		}
	case vault.VerdictInvalid:
		return advice{
			"Kitegateway answered that the request itself makes no sense to it. The key pair was neither accepted nor refused.",
			"Try another expires_in. If it stays, send the report to Kitegateway's support.",
		}
	case vault.VerdictUnreachable:
		return advice{
			"Nothing answered. This says nothing about the key pair: the gateway may be down, or a proxy, a firewall or a lost connection is in the way.",
			"Open the host in a browser on this machine, check VPN and proxy, then press v again.",
		}
	case vault.VerdictRateLimited:
		return advice{
			"Kitegateway is asking for fewer requests. This says nothing about the key pair.",
			"Wait a minute, then press v again. If scripts share this key pair, let them reuse one token.",
		}
	case vault.VerdictGatewayError:
		return advice{
			"Kitegateway answered that it failed. This says nothing about the key pair.",
			"Try again in a few minutes. If it stays, send the report to Kitegateway's support.",
		}
	case vault.VerdictUnexpectedReply:
		return advice{
			"Something answered, but not as Kitegateway does: a login page of the network, a proxy, or a redirect. Nothing was sent on from there.",
			"Open any web page to sign in to the network, check proxy and base URL override, then press v again.",
		}
	case vault.VerdictNoCredential:
		return advice{
			"The profile is listed, but its credential is not in the store or cannot be read: it was removed there, or the store was replaced.",
			"Press r to put the key pair in again. \"kitekey doctor\" compares the list with the store.",
		}
	case vault.VerdictStoreLocked:
		return advice{
			"The keyring is locked, so nothing could be asked. This says nothing about the key pair.",
			"Unlock the keyring (log in to the desktop, or answer its question), then press v again.",
		}
	case vault.VerdictUnavailable:
		return advice{
			"The keyring does not answer, so nothing could be asked. This says nothing about the key pair.",
			"Run \"kitekey doctor\"; without a keyring, start kitekey with --store file.",
		}
	}
	return advice{"Nobody has looked yet.", "Press v."}
}

// reportOf makes a report of a mint that failed, as verifying would have.
func reportOf(p *vault.Profile, err error, now time.Time) vault.Report {
	r := vault.Report{Selector: p.Selector, Verdict: vault.VerdictOf(err), At: now, KeyHint: p.KeyHint, Err: err}
	var ke *kite.Error
	if errors.As(err, &ke) {
		r.Host, r.Status, r.Message = ke.Host, ke.Status, ke.Message
	}
	return r
}

// verdictDialog says what was found, what it means and what to do next.
type verdictDialog struct {
	pager
	id string
}

func (a *app) openVerdict() tea.Cmd { return a.push(&verdictDialog{id: a.chosen().ID}) }

// troubled reports whether the chosen profile's last verdict wants an explanation.
func (a *app) troubled() bool {
	p := a.chosen()
	return p != nil && p.Verdict != vault.VerdictOK && p.Verdict != vault.VerdictNone
}

func (d *verdictDialog) title() string { return "What was found" }

func (d *verdictDialog) update(a *app, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		p := a.profileByID(d.id)
		switch k.String() {
		case "w":
			a.drop(d)
			return nil
		case "c":
			if p != nil {
				return a.copyReport([]vault.Report{a.reportFor(p)})
			}
		case "v", "r":
			a.drop(d)
			switch {
			case p == nil || !a.choose(p.ID):
				return nil
			case k.String() == "r":
				return a.openRotate()
			}
			return a.verifyOne()
		}
	}
	return d.page(a, d, msg)
}

// reportFor is the last report of a profile; what the index knows when there is
// none from this session.
func (a *app) reportFor(p *vault.Profile) vault.Report {
	if r, ok := a.reports[p.ID]; ok {
		return r
	}
	return vault.Report{Selector: p.Selector, Verdict: p.Verdict, At: p.VerdictAt, KeyHint: p.KeyHint}
}

func (d *verdictDialog) lines(a *app, w int) []string {
	p := a.profileByID(d.id)
	if p == nil {
		return []string{"This profile is gone."}
	}
	r := a.reportFor(p)
	shownAs := *p
	shownAs.Verdict = r.Verdict
	glyph, word, paint := a.verdictLook(&shownAs, &a.st.paints)
	name := a.st.strong.Styled(selWords(p.Selector))
	if p.Environment == kite.Live {
		name = a.st.paints.live.Styled(selWords(p.Selector))
	}
	out := []string{a.spread(name, paint.Styled(glyph+" "+word)+a.st.dim.Styled(a.st.glyph.sep+ago(r.At, a.now)), w, a.st.glyph.more), ""}
	said := func(name, value string) {
		if value == "" {
			return
		}
		for i, l := range a.wrap(value, w-12) {
			if i > 0 {
				name = ""
			}
			out = append(out, a.st.dim.Styled(a.fit(name, 12, ""))+l)
		}
	}
	adv := adviceFor(r.Verdict)
	said("it means", adv.means)
	out = append(out, "")
	said("next", adv.next)
	out = append(out, "")
	if r.Host != "" {
		said("asked", r.Host+latencyWords(r.Latency))
	}
	if r.Status != 0 {
		said("answer", fmt.Sprintf("HTTP %d", r.Status))
	}
	if r.Message != "" {
		said("its words", kite.CleanText(r.Message))
	} else if r.Err != nil && r.Verdict != vault.VerdictOK {
		said("details", kite.CleanText(sentence(r.Err)))
	}
	if p.KeyHint != "" {
		said("api_key", "ends in "+p.KeyHint)
	}
	if wrong := skewWarning(r.Skew); wrong != "" {
		said("clock", wrong)
	} else if r.Skew.Abs() > 2*time.Second {
		said("clock", skewWords(r.Skew))
	}
	return out
}

func latencyWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", %d ms", max(d.Milliseconds(), 1))
}

func (d *verdictDialog) hints(*app) []hint {
	return append([]hint{{"c", "copy a report"}, {"v", "verify again"}, {"r", "rotate"}}, d.pagerHints()...)
}

// reportText is the redacted report for a ticket: what support needs, and
// nothing that opens anything.
func reportText(reports []vault.Report, version string) string {
	var blocks []string
	for _, r := range reports {
		blocks = append(blocks, r.Ticket(version))
	}
	return strings.Join(blocks, "\n")
}

package tui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

// checkFits fails if a screen is not exactly as large as its terminal.
func checkFits(t *testing.T, screen string, w, h int) {
	t.Helper()
	checkFitsBy(t, ansi.WcWidth, screen, w, h)
}

func checkFitsBy(t *testing.T, m ansi.Method, screen string, w, h int) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) != h {
		t.Errorf("%d lines on a terminal of %d:\n%s", len(lines), h, screen)
	}
	for i, l := range lines {
		if n := m.StringWidth(l); n != w {
			t.Errorf("line %d is %d cells wide on a terminal of %d: %q", i+1, n, w, l)
		}
	}
}

// scripts returns labels that break careless layouts.
func scripts() []string {
	return []string{
		"", "Acme Stores Ltd", "珊瑚商店株式会社", "مؤسسة كايت للتجارة", "חנות הדגמה", "สวัสดีชาวโลก", "देवनागरी दुकान",
		"e\u0301e\u0301e\u0301 combining", "👩‍👩‍👧‍👦 family 🏳️‍🌈", "ＦＵＬＬＷＩＤＴＨ", "very " + strings.Repeat("long ", 20),
		strings.Repeat("無", 100), "zero\u200bwidth", "a\tb",
	}
}

// noGateway never answers: layout needs no gateway.
type noGateway struct{}

func (noGateway) Host() string { return "127.0.0.1:1" }

func (noGateway) Origin() kite.Origin { return kite.OriginKitegateway }
func (noGateway) Way() string         { return "" }
func (noGateway) Mint(context.Context, kite.Credential, kite.Lifetime) (kite.Token, error) {
	return kite.Token{}, &kite.Error{Kind: kite.ErrUnreachable, Host: "127.0.0.1:1", Op: "mint a token"}
}
func (noGateway) Balances(context.Context, kite.Token) ([]kite.Balance, error) {
	return nil, kite.ErrUnreachable
}

// still returns a model with n made-up profiles, live of them with a token, whose
// clock shows *now.
func still(tb testing.TB, n, live int, now *time.Time) *app {
	tb.Helper()
	v, err := vault.Open(vault.Options{Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return noGateway{} }})
	if err != nil {
		tb.Fatal(err)
	}
	a := newApp(tb.Context(), Options{Vault: v, Clipboard: &testClipboard{}, Now: func() time.Time { return *now }})
	r := rand.New(rand.NewPCG(1, uint64(n)))
	labels := scripts()
	var profiles []vault.Profile
	for i := range n {
		p := vault.Profile{
			ID: fmt.Sprint(i), Label: labels[i%len(labels)], KeyHint: "2jj2", ExpiresIn: 5 * 60,
			Selector: vault.Selector{Account: fmt.Sprintf("merchant-%03d%s", i/2, strings.Repeat("x", r.IntN(40)*(i%5/4))), Environment: kite.Environments[i%2]},
			Verdict:  append(vault.Verdicts, vault.VerdictNone)[r.IntN(len(vault.Verdicts)+1)], VerdictAt: now.Add(-time.Duration(r.IntN(1e6)) * time.Second),
			Staged: i%7 == 0, Previous: i%5 == 0,
		}
		if i < live {
			p.Token = vault.TokenInfo{Minted: now.Add(-time.Minute), Deadline: now.Add(time.Duration(r.IntN(4000)-60*(i%3)) * time.Second), ExpiresIn: 3600}
		}
		profiles = append(profiles, p)
	}
	a.setProfiles(profiles)
	return a
}

// FuzzLayout presses keys on terminals of every size, with data of every kind: no
// line is too wide, no screen too high, and nothing panics.
func FuzzLayout(f *testing.F) {
	sizes := []int{0, 1, 7}
	if !testing.Short() {
		sizes = append(sizes, 1000)
	}
	for _, n := range sizes {
		for _, keys := range []string{"", "jjjj\n", "?jjj", "m9", "/aco", "aA\nb\n", "t", "C", "V", "sS", "H", "lG", "e\t\t", "d", "w", "K", "oGk"} {
			f.Add(uint8(120), uint8(40), n, keys)
			f.Add(uint8(40), uint8(10), n, keys)
			f.Add(uint8(97), uint8(17), n, keys)
			f.Add(uint8(11), uint8(3), n, keys)
		}
	}
	f.Fuzz(func(t *testing.T, w, h uint8, n int, keys string) {
		if w == 0 || h == 0 || len(keys) > 40 {
			return
		}
		now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		n = int(uint(n) % 1001)
		a := still(t, n, min(n, 50), &now)
		if len(keys)%2 == 1 {
			a.method = ansi.GraphemeWidth // a terminal with mode 2027
		}
		send := func(msg tea.Msg) {
			_, cmd := a.Update(msg)
			_ = cmd // its result does not matter here
			checkFitsBy(t, a.method, ansi.Strip(a.View().Content), a.width, a.height)
		}
		send(tea.WindowSizeMsg{Width: int(w), Height: int(h)})
		for i, r := range keys {
			name := string(r)
			switch r {
			case '\n', '\r':
				name = "enter"
			case '\t':
				name = "tab"
			case 0x1b:
				name = "esc"
			case 'q', 'Z':
				send(tea.WindowSizeMsg{Width: int(w)/2 + i + 1, Height: int(h)/2 + 2*i + 1}) // a resize in between
				continue
			}
			if r == utf8Replacement {
				continue
			}
			send(keyNamed(name))
			now = now.Add(7 * time.Second)
		}
	})
}

const utf8Replacement = '\uFFFD'

func TestResize_EveryFrameFits(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("c", "m")
		r := rand.New(rand.NewPCG(7, 7))
		for range 300 {
			w, h := 1+r.IntN(160), 1+r.IntN(60)
			d.send(tea.WindowSizeMsg{Width: w, Height: h})
			checkFits(t, d.screen(), w, h)
		}
		d.send(tea.WindowSizeMsg{Width: 120, Height: 40}).sees("Mint a token for acme / sandbox")
	})
}

func TestTooSmall_SaysTheSizeItNeeds(t *testing.T) {
	drive(t, setup{width: 39, height: 20}, func(t *testing.T, d *driver) { d.sees("40 x 10", "this is 39 x 20") })
}

func TestColumns_LabelGetsTheRoomOfAWideScreen(t *testing.T) {
	if c := layColumns(130, lengths{12, 12}, 36); c.label != 36 || c.verdict < 40 {
		t.Errorf("%+v", c)
	}
	if c := layColumns(130, lengths{12, 12}, 8); c.verdict < 50 {
		t.Errorf("with short labels: %+v", c)
	}
}

// A few long names do not take the room of every row's reason.
func TestColumns_FewLongNamesLeaveRoomForTheReasons(t *testing.T) {
	names := []string{"acme", "kite-shop", "harbor", "north-wind", "tea", strings.Repeat("x", 64)}
	few := lengthsOf(len(names), func(i int) string { return names[i] })
	for _, w := range []int{roomyList, 116, 150} {
		c := layColumns(w, few, 10)
		if c.name < 24 || w >= labelledList && c.verdict < 32 {
			t.Errorf("one of 64 cells in %d: %+v", w, c)
		}
	}
}

func TestColumns_AlwaysFit(t *testing.T) {
	for w := MinWidth - 4; w < 300; w++ {
		for _, longest := range []int{4, 12, 30, 64} {
			c := layColumns(w, lengths{longest / 2, longest}, 2*longest)
			sum := 2 + c.name + 1 + c.env + 1 + 1 + 1 + c.count + 1 + c.bar
			for _, part := range []int{c.verdict, c.label, c.used} {
				if part > 0 {
					sum += 1 + part
				}
			}
			if sum != w || c.name < 8 || c.bar < 3 || c.env != 7 {
				t.Errorf("%d cells: %+v take %d", w, c, sum)
			}
		}
	}
}

// The times of a gateway, of another clock or of a damaged index may be absurd. The
// screen is drawn correctly, and shows a token as unexpired only if it can be.
func TestTimes_AbsurdOnesCountAsNoToken(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	forever := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for name, c := range map[string]struct {
		token vault.TokenInfo
		shows string
	}{
		"forever":            {vault.TokenInfo{Minted: now, Deadline: forever, ExpiresIn: 60}, "unexpired"},
		"forever, no length": {vault.TokenInfo{Minted: now, Deadline: forever}, "unexpired"},
		"clock set back":     {vault.TokenInfo{Minted: now.Add(time.Hour), Deadline: now.Add(time.Hour + 5*time.Minute), ExpiresIn: 5 * 60}, "no token"},
	} {
		for _, w := range []int{11, 40, 60, 80, 120, 200} {
			for _, h := range []int{3, 12, 24, 40} {
				a := still(t, 1, 1, &now)
				a.list.profiles[0].Token, a.list.profiles[0].Verdict = c.token, vault.VerdictOK
				for _, key := range []tea.KeyPressMsg{{}, {Code: tea.KeyEnter}, {Code: 't', Text: "t"}} {
					a.Update(tea.WindowSizeMsg{Width: w, Height: h})
					a.Update(key)
					v := a.View()
					checkFits(t, ansi.Strip(v.Content), w, h)
					if strings.Contains(ansi.Strip(v.Content), " -1") {
						t.Errorf("%s: a countdown below zero:\n%s", name, ansi.Strip(v.Content))
					}
					if w == 120 && h == 40 && key.Code == 0 && !strings.Contains(ansi.Strip(v.Content), c.shows) {
						t.Errorf("%s: not %s:\n%s", name, c.shows, ansi.Strip(v.Content))
					}
					if b := v.ProgressBar; c.shows == "unexpired" && (b == nil || b.Value != 100) {
						t.Errorf("%s: progress %+v", name, b)
					}
				}
			}
		}
	}
}

func TestWrap_KeepsFlagsWhole(t *testing.T) {
	sc := metrics{method: ansi.WcWidth}
	got := sc.wrap("unlock it with gnome-keyring-daemon --unlock, or --store file", 38)
	want := []string{"unlock it with gnome-keyring-daemon", "--unlock, or --store file"}
	if !slices.Equal(got, want) {
		t.Errorf("wrapped to %q", got)
	}
}

// What dialogs say must be readable in whole on small screens too.
func TestDialogs_CutNoSentenceOnSmallScreens(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {50, 15}} {
		for _, c := range []struct {
			name string
			keys []string
			see  []string
		}{
			{"copy as", []string{"C"}, []string{"h header", "t token", "u curl command", "The whole line, Authorization: JWT and so on."}},
			{"copy as a token", []string{"C", "down"}, []string{"The value alone, its JWT prefix included."}},
			{"mint", []string{"m"}, []string{"and its header copied"}},
			{"actions", []string{"?"}, []string{"copy as", "mints a token first when there is no unexpired one."}},
			{"keys of a dialog", []string{"C", "?"}, []string{"ctrl+z suspends"}},
			{"add", []string{"a"}, []string{"label optional", "5m if left empty"}},
			{"rotate", []string{"r"}, []string{"api_key paste or type"}},
		} {
			drive(t, setup{width: size[0], height: size[1]}, func(t *testing.T, d *driver) {
				d.press(c.keys...)
				text := strings.Join(strings.FieldsFunc(d.screen(), func(r rune) bool { return r <= ' ' || r == '│' || r == '▌' }), " ")
				for _, see := range c.see {
					if !strings.Contains(text, see) {
						t.Errorf("%s at %v lacks %q:\n%s", c.name, size, see, d.screen())
					}
				}
			})
		}
	}
}

func TestMenu_SaysWhatTheChosenActionDoes(t *testing.T) {
	drive(t, setup{width: 40, height: 12}, func(t *testing.T, d *driver) {
		other := simulator.DefaultMerchants()[2].Credential
		d.press("r").paste(other.APIKey.Reveal()).press("enter").paste(other.APISecret.Reveal()).press("enter").sleep(2 * time.Second)
		d.press("r", "down").dialog("Rotate acme / sandbox")
		text := strings.Join(strings.FieldsFunc(d.screen(), func(r rune) bool { return r <= ' ' || r == '│' }), " ")
		if !strings.Contains(text, "The new one works; no rollback after that.") {
			t.Errorf("the screen:\n%s", d.screen())
		}
	})
}

// The environment is never left out of a title.
func TestTitle_KeepsTheEnvironment(t *testing.T) {
	long := strings.Repeat("a", 30) + "-" + strings.Repeat("z", 30)
	for _, width := range []int{40, 50, 80} {
		drive(t, setup{width: width, height: 24, before: func(d *driver) {
			cred, _, _ := kite.ParseCredential("a-key", "a-secret")
			for _, e := range kite.Environments {
				if _, err := d.vault.Add(t.Context(), vault.NewProfile{
					Selector: vault.Selector{Account: long, Environment: e}, Credential: cred, Verdict: vault.VerdictOK,
				}); err != nil {
					t.Fatal(err)
				}
			}
		}}, func(t *testing.T, d *driver) {
			for environment, env := range map[string]string{"live": "/ LIVE", "sandbox": "/ sandbox"} {
				d.selectProfile(long + "/" + environment)
				for _, key := range []string{"e", "d", "r", "w"} {
					d.press(key)
					title := ""
					for l := range strings.SplitSeq(d.screen(), "\n") {
						if (strings.Contains(l, env) || strings.Contains(l, "═ LIVE")) && strings.Contains(l, "zz") {
							title = l
						}
					}
					if title == "" {
						t.Errorf("%s of %s at %d columns hides the environment or the name:\n%s", key, environment, width, d.screen())
					}
					d.press("esc")
				}
			}
		})
	}
}

func TestList_OneLongNameLeavesTheLabels(t *testing.T) {
	for width, see := range map[int][]string{
		200: {"LABEL", "Dune Outfitters", "aaaaaaaa", "zzzzzzzz"}, 300: {"LABEL", "Dune Outfitters", strings.Repeat("a", 30) + "-" + strings.Repeat("z", 30)},
	} {
		drive(t, setup{width: width, height: 40, before: func(d *driver) {
			cred, _, _ := kite.ParseCredential("a-key", "a-secret")
			sel := vault.Selector{Account: strings.Repeat("a", 30) + "-" + strings.Repeat("z", 30), Environment: kite.Live}
			if _, err := d.vault.Add(t.Context(), vault.NewProfile{Selector: sel, Credential: cred, Verdict: vault.VerdictOK}); err != nil {
				t.Fatal(err)
			}
		}}, func(t *testing.T, d *driver) { d.sees(see...).sees("LIVE") })
	}
}

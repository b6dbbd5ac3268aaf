package tui

import (
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/vault"
)

// pastes are the forms in which people have credentials, for a merchant that the
// simulator knows and the vault does not.
var pastes = map[string]struct{ text, from string }{
	"JSON":                {`{"api_key":"sim-key-gale-sandbox","api_secret":"sim-secret-gale-sandbox"}`, "JSON"},
	"dotenv lines":        {"KITE_API_KEY=sim-key-gale-sandbox\nKITE_API_SECRET=\"sim-secret-gale-sandbox\"\n", "lines of NAME=value"},
	"names and colons":    {"api_key: sim-key-gale-sandbox\napi_secret: sim-secret-gale-sandbox", "lines of"},
	"two lines":           {"sim-key-gale-sandbox\nsim-secret-gale-sandbox\n", "two values, the"},
	"Postman environment": {`{"name":"gale","values":[{"key":"KITE_API_KEY","value":"sim-key-gale-sandbox"},{"key":"KITE_API_SECRET","value":"sim-secret-gale-sandbox"}],"_postman_variable_scope":"environment"}`, "a Postman environment"},
	"YAML":                {"kite:\r  sandbox:\r    api_key: sim-key-gale-sandbox\r    api_secret: sim-secret-gale-sandbox\r", "YAML"},
	"a curl command":      {"curl https://sandbox.kitegateway.com/v1/auth/token -H 'Secret-Key: sim-secret-gale-sandbox' -d '{\"api_key\":\"sim-key-gale-sandbox\"}'", "a curl command"},
	"setx":                {"setx KITE_API_KEY sim-key-gale-sandbox\r\nsetx KITE_API_SECRET \"sim-secret-gale-sandbox\"", "the text"},
	"named account":       {"KITE_GALE_LIVE_API_KEY=sim-key-gale-sandbox\nKITE_GALE_LIVE_API_SECRET=sim-secret-gale-sandbox", "account gale,"},
}

func TestPaste_FillsBothHalvesFromWhatPeopleHave(t *testing.T) {
	for name, c := range pastes {
		t.Run(name, func(t *testing.T) {
			for steps := range 5 { // whichever field has the focus
				drive(t, setup{}, func(t *testing.T, d *driver) {
					d.press("a")
					for range steps {
						d.press("tab")
					}
					d.paste(c.text).dialog("Add a credential").sees("read from", c.from)
					d.look(func(a *app) {
						f := a.dialog().(*formDialog)
						key, secret := f.field(fieldAPIKey).secret.secret(), f.field(fieldAPISecret).secret.secret()
						if key.Reveal() != "sim-key-gale-sandbox" || secret.Reveal() != "sim-secret-gale-sandbox" {
							t.Errorf("after %d steps the halves are wrong", steps)
						}
					})
					d.lacks("sim-key", "sim-secret")
				})
			}
		})
	}
}

func TestPaste_OntoTheListOpensTheFilledForm(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.paste(pastes["named account"].text).dialog("Add a credential").sees("account gale,").lacks("sim-")
	})
}

func TestPaste_SeveralOntoTheListAreTold(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.paste("account,api_key,api_secret\ngale,sim-1,sim-2\nhill,sim-3,sim-4").dialog("").sees("holds 2 credentials (gale, hill)", "kitekey import").lacks("sim-")
	})
}

func TestPaste_HalfOntoTheListOpensTheForm(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.paste("KITE_GALE_API_SECRET='sim-secret-gale'").dialog("Add a credential").sees("api_secret read from", "account gale").lacks("sim-")
	})
}

func TestPaste_OfAControlCharacterIsToldAtOnce(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a", "tab", "tab", "tab", "tab").paste("abc\x01def").sees("the api_secret contains a control character (U+0001)")
	})
}

func TestPaste_IntoTheFilterIsNotShown(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("/").paste(pastes["JSON"].text).dialog("Add a credential").lacks("sim-")
	})
}

func TestPaste_OtherTextOntoTheListIsToldAndNotShown(t *testing.T) {
	for _, text := range []string{"hello there", "STRIPE_API_KEY=x", "https://dashboard.example/keys/7", "canary-secret-1234"} {
		drive(t, setup{}, func(t *testing.T, d *driver) {
			d.paste(text).dialog("").sees("no credential was found in the pasted text").lacks(text)
		})
	}
}

func TestPaste_HalfGoesIntoItsFieldAndTheOtherIsAskedFor(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("gale").paste(`KITE_API_SECRET="sim-secret-gale-sandbox"`).sees("api_secret read from lines of NAME=value")
		d.look(func(a *app) {
			f := a.dialog().(*formDialog)
			if f.fields[f.at].id != fieldAPIKey {
				t.Errorf("the focus is on %s", f.fields[f.at].id)
			}
		})
	})
}

func TestPaste_WhatIsNotUnderstoodIsAskedAbout(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("gale").press("enter", "enter", "enter").paste("SOME_THING=abc").dialog("Take it as the api_key?")
		d.press("enter").dialog("Add a credential").sees("paste or type")
		d.paste("SOME_THING=abc").press("t").dialog("Add a credential").sees("received, hidden")
	})
}

func TestPaste_ForAnotherEnvironmentIsAskedAbout(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("r").dialog("Rotate acme / sandbox").paste(`{"environment":"live","api_key":"sim-key-acme-live","api_secret":"sim-secret-acme-live"}`)
		d.dialog("Use it anyway?").sees("The text says live").press("enter").dialog("Rotate acme / sandbox").sees("paste or type")
	})
}

func TestPaste_ChoosesTheProfilesOwnOfSeveral(t *testing.T) {
	drive(t, setup{before: func(d *driver) { d.sim.Set("acme", kite.Sandbox, simulator.Behavior{}) }}, func(t *testing.T, d *driver) {
		d.press("r").paste(`{"sandbox":{"api_key":"sim-key-acme-sandbox","api_secret":"sim-secret-acme-sandbox"},"live":{"api_key":"l","api_secret":"m"}}`)
		d.dialog("Rotate acme / sandbox").sees("api_key and api_secret read from JSON")
	})
}

func TestPaste_QuotesAroundAValueAreTakenOff(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("neu").press("enter", "enter", "enter").paste("“sim-key-neu”,").sees("received, hidden", "used without the quotes")
		d.look(func(a *app) {
			key := a.dialog().(*formDialog).field(fieldAPIKey).secret.secret()
			if key.Reveal() != "sim-key-neu" {
				t.Error("the value is another one")
			}
		})
	})
}

func TestPaste_PlaceholderIsAskedAbout(t *testing.T) {
	for _, text := range []string{"{{api_key}}", "<your api key>", "••••••••2jj2", "https://kitegateway.com/v1", "sim-key neu"} {
		drive(t, setup{}, func(t *testing.T, d *driver) {
			d.press("a").write("neu").press("enter", "enter", "enter").paste(text).dialog("Take it as the api_key?").lacks("2jj2", "your api")
		})
	}
}

func TestPaste_LabelMayHaveWords(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("neu").press("enter", "enter").paste("Acme: the main shop").dialog("Add a credential").sees("Acme: the main shop").lacks("not pasted")
	})
}

func TestPaste_BareValueGoesIntoItsField(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("neu").press("enter", "enter", "enter").paste("sim-key-neu").sees("received, hidden").lacks("read from")
	})
}

// Dialogs that take a text show it.
func TestPaste_OfACredentialIntoADialogThatWouldShowIt(t *testing.T) {
	for _, keys := range [][]string{{"m"}, {"e"}, {":"}, {"V", "/"}} {
		drive(t, setup{}, func(t *testing.T, d *driver) {
			d.press(keys...).paste("KITE_API_KEY=sim-key-gale\nKITE_API_SECRET=sim-secret-gale").lacks("sim-").sees("not pasted: the text holds a credential")
			d.press("ctrl+u").paste("300").sees("300")
		})
	}
}

func TestPaste_FilledFormIsSaved(t *testing.T) {
	drive(t, setup{before: func(d *driver) {
		if err := d.vault.Remove(d.t.Context(), vault.Selector{Account: "ember", Environment: kite.Sandbox}); err != nil {
			d.t.Fatal(err)
		}
	}}, func(t *testing.T, d *driver) {
		d.paste("KITE_EMBER_API_KEY=sim-key-ember-sandbox\nKITE_EMBER_API_SECRET=sim-secret-ember-sandbox")
		d.dialog("Add a credential").press("ctrl+s").sees("ember/sandbox added; it works")
		if strings.Contains(d.screen(), "sim-") {
			t.Error("a secret is on the screen")
		}
	})
}

// A name that was pasted is not a name that was typed: the guard asks for it.
func TestPaste_OfALiveCredentialDoesNotOpenLive(t *testing.T) {
	remove := func(d *driver) {
		if err := d.vault.Remove(d.t.Context(), vault.Selector{Account: "acme", Environment: kite.Live}); err != nil {
			d.t.Fatal(err)
		}
	}
	drive(t, setup{before: remove}, func(t *testing.T, d *driver) {
		d.paste("KITE_ACME_LIVE_API_KEY=sim-key-acme-live\nKITE_ACME_LIVE_API_SECRET=sim-secret-acme-live").press("ctrl+s").sees("acme/live added")
		d.press("c").sees("type acme/live")
		if d.clip.held() != "" {
			t.Error("the header was copied")
		}
	})
	drive(t, setup{before: remove}, func(t *testing.T, d *driver) { // typed and chosen
		d.press("a").write("acme").press("enter", "right", "enter", "enter").paste("sim-key-acme-live").press("enter").paste("sim-secret-acme-live").press("ctrl+s")
		d.sees("acme/live added").press("c").sees("copied")
	})
}

// A terminal without bracketed paste types what is pasted, line by line.
func TestPaste_IsReadWhenTheTerminalTypesIt(t *testing.T) {
	halves := func(d *driver) (key, secret string) {
		d.look(func(a *app) {
			f := a.dialog().(*formDialog)
			k, s := f.field(fieldAPIKey).secret.secret(), f.field(fieldAPISecret).secret.secret()
			key, secret = k.Reveal(), s.Reveal()
		})
		return key, secret
	}
	for name, lines := range map[string][]string{
		"dotenv":           {"KITE_API_KEY=sim-key-gale-sandbox", "KITE_API_SECRET=sim-secret-gale-sandbox"},
		"JSON on one line": {pastes["JSON"].text},
		"JSON in lines":    {"{", "\t\"api_key\": \"sim-key-gale-sandbox\",", "  \"api_secret\": \"sim-secret-gale-sandbox\"", "}", ""},
		"a Postman value":  {`[`, `  {"key": "api_key", "value": "sim-key-gale-sandbox"},`, `{`, `"key": "api_secret",`, `"value": "sim-secret-gale-sandbox"`, `}`, `]`, ""},
		"quoted values":    {`"sim-key-gale-sandbox"`, `'sim-secret-gale-sandbox'`},
		"bare values":      {"sim-key-gale-sandbox", "sim-secret-gale-sandbox"},
		"the secret first": {"KITE_API_SECRET=sim-secret-gale-sandbox", "KITE_API_KEY=sim-key-gale-sandbox"},
	} {
		t.Run(name, func(t *testing.T) {
			drive(t, setup{}, func(t *testing.T, d *driver) {
				d.press("r").dialog("Rotate acme / sandbox")
				for i, line := range lines {
					if strings.HasPrefix(line, "\t") {
						d.press("tab")
					}
					if d.write(strings.TrimLeft(line, "\t")); i < len(lines)-1 {
						d.press("enter")
					}
				}
				d.press("shift+tab", "tab")
				if key, secret := halves(d); key != "sim-key-gale-sandbox" || secret != "sim-secret-gale-sandbox" {
					t.Errorf("%q and %q", key, secret)
				}
				d.lacks("sim-")
			})
		})
	}
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("{").press("enter").sees("the text goes on").press("tab").write(`"account": "gale", "api_key": "sim-key-gale-sandbox",`).press("enter")
		d.write(`"api_secret": "sim-secret-gale-sandbox" }`).press("enter").sees("api_key and api_secret read from JSON", "account gale").lacks("sim-key")
	})
	drive(t, setup{}, func(t *testing.T, d *driver) { // with line feeds, and nothing of it is shown
		d.press("a").write("{").press("ctrl+j").write(`"api_secret": "sim-secret-gale-sandbox",`).sees("hidden, for it may hold a secret").lacks("sim-").press("ctrl+j")
		d.write(`"api_key": "sim-key-gale-sandbox" }`).lacks("sim-").press("ctrl+j").sees("api_key and api_secret read from JSON")
	})
	drive(t, setup{}, func(t *testing.T, d *driver) { // another enter ends it
		d.press("r").write("{").press("enter", "enter").dialog("Take it as the api_key?")
	})
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("KITE_GALE_API_KEY=sim-key-gale-sandbox").press("enter").sees("api_key read from", "account gale").lacks("sim-key")
	})
}

func TestPaste_TypedAndNotUnderstoodIsAskedAbout(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("r").write("FOO_BAR=sim-1").press("enter").dialog("Take it as the api_key?").press("enter").dialog("Rotate acme / sandbox")
		d.press("enter").dialog("Take it as the api_key?").press("t").press("enter").dialog("Rotate acme / sandbox").write("sim-2")
		d.look(func(a *app) {
			f := a.dialog().(*formDialog)
			if k := f.field(fieldAPIKey).secret.secret(); k.Reveal() != "FOO_BAR=sim-1" {
				t.Errorf("%q", k.Reveal())
			}
		})
	})
}

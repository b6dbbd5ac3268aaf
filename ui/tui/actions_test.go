package tui

import (
	"strings"
	"testing"
)

func TestActions_EnterRunsTheOneThatIsFound(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").dialog("Actions").write("copy as").press("enter").dialog("Copy as")
	})
}

func TestActions_NamesComeBeforeDescriptions(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").write("verify").press("enter").dialog("").sees("acme/sandbox works")
	})
}

func TestActions_ShowTheCommandOfTheChosenProfile(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.selectProfile("borealis/sandbox").press(":").write("forget").sees("kitekey forget borealis/sandbox")
	})
}

// The command does what the key does, no more.
func TestActions_ShowTheCommandOfWhatTheKeyDoes(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").write("verify all").sees("kitekey verify --all").press("esc", "esc")
		d.press("/").write("acme").press("enter", ":").write("verify all").sees("kitekey verify acme/sandbox acme/live").lacks("--all")
		d.press("esc", "esc", "esc", "m").write("90s").press("enter", ":").write("again").sees("kitekey copy acme/sandbox --fresh --expires-in 1m30s")
		d.press("esc", "esc", "/").write("zzz").press("enter", "V").dialog("").sees("verify all: nothing matches the filter")
	})
	drive(t, setup{options: func(o *Options) { o.SandboxOnly = true }}, func(t *testing.T, d *driver) {
		d.press(":").write("verify all").sees("kitekey verify acme/sandbox borealis/sandbox").lacks("--all")
	})
	drive(t, setup{options: func(o *Options) { o.Demo = true }}, func(t *testing.T, d *driver) {
		d.press(":").write("start over").lacks("source sync")
	})
}

func TestActions_SayWhyOneCannotWorkNow(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("?").dialog("Actions").write("clear clipboard").sees("not now: the clipboard holds nothing from kitekey")
		d.press("enter").dialog("").sees("clear clipboard: the clipboard holds nothing from kitekey")
	})
}

func TestActions_EscClearsTheWordsFirst(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press(":").write("zzz").sees("no action has these words").press("enter").dialog("Actions")
		d.press("esc").dialog("Actions").sees("Tokens", "Accounts").press("esc").dialog("")
	})
}

// Every action can be found by its name, and no two have the same key.
func TestActions_ListEveryKeyOnce(t *testing.T) {
	keys := map[string]string{}
	for _, b := range bindings() {
		for _, k := range b.Keys() {
			if other, ok := keys[k]; ok {
				t.Errorf("%s is %s and %s", k, other, b.Help().Desc)
			}
			keys[k] = b.Help().Desc
		}
		if b.long == "" || b.Help().Desc == "" || b.Help().Key == "" {
			t.Errorf("%v has no name or no description", b.Keys())
		}
	}
}

func TestDialogHelp_ShowsTheKeysOfTheDialogBelow(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("C", "?").dialog("Keys of: Copy as").sees("at once", "ctrl+c quits").press("esc").dialog("Copy as")
	})
}

func TestDialogHelp_OpensWithF1WhereTextIsTyped(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("a").write("wh?").dialog("Add a credential").press("f1").dialog("Keys of: Add a credential")
	})
}

func TestDialogs_ShowTheirKeysInside(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("C").sees("│ enter copy")
		if footer := d.footer(); strings.Contains(footer, "copy") {
			t.Errorf("the footer repeats them: %q", footer)
		}
	})
}

func TestKeys_OfAnotherAlphabetAreTold(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("с").sees("the keys are Latin letters; this one types с") // Cyrillic
		d.press("esc", "/").write("с").press("esc").lacks("Latin")
	})
}

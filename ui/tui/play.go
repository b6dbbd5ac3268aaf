package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// ErrStartOver is the error of [Run] if the demo is to start over.
var ErrStartOver = errors.New("start over")

// Step is one step of a script: a message, the keys to type, and how long to wait
// afterwards.
type Step struct {
	Say  string   // shown where messages are; "" keeps the last one
	Keys []string // in Bubble Tea's names: "a", "enter", "ctrl+s"
	Look time.Duration
}

// sayMsg is a message of a script.
type sayMsg string

// play types the steps into a running program and quits it.
func play(ctx context.Context, steps []Step, send func(tea.Msg)) {
	const betweenKeys = 150 * time.Millisecond
	pause := func(d time.Duration) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(d):
			return true
		}
	}
	for _, s := range steps {
		if s.Say != "" {
			send(sayMsg(s.Say))
		}
		for _, k := range s.Keys {
			send(keyNamed(k))
			if !pause(betweenKeys) {
				return
			}
		}
		if !pause(s.Look) {
			return
		}
	}
	send(tea.QuitMsg{})
}

var keyCodes = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "backspace": tea.KeyBackspace,
	"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "f1": tea.KeyF1,
}

// keyNamed returns the key press that has this name in Bubble Tea.
func keyNamed(name string) tea.KeyPressMsg {
	var k tea.Key
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		k.Mod, name = tea.ModCtrl, rest
	}
	if rest, ok := strings.CutPrefix(name, "shift+"); ok {
		k.Mod, name = tea.ModShift, rest
	}
	switch code, ok := keyCodes[name]; {
	case ok:
		k.Code = code
	case name == "space" || name == " ":
		k.Code, k.Text = tea.KeySpace, " "
	default:
		k.Code = []rune(name)[0]
		if k.Mod == 0 {
			k.Text = name
		}
	}
	return tea.KeyPressMsg(k)
}

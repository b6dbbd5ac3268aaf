package tui

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

func TestPlay_TypesTheStepsInTimeAndQuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var sent []string
		play(t.Context(), []Step{
			{Say: "hello", Look: time.Second},
			{Keys: []string{"a", "ctrl+s", "enter"}, Look: 2 * time.Second},
		}, func(msg tea.Msg) {
			switch msg := msg.(type) {
			case sayMsg:
				sent = append(sent, string(msg))
			case tea.KeyPressMsg:
				sent = append(sent, msg.String())
			case tea.QuitMsg:
				sent = append(sent, "quit")
			}
		})
		if want := []string{"hello", "a", "ctrl+s", "enter", "quit"}; !slices.Equal(sent, want) {
			t.Errorf("sent %q, want %q", sent, want)
		}
		if took := time.Since(start); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestDemo_SaysThatNothingIsStored(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.Demo = true }}, func(t *testing.T, d *driver) {
		d.sees("demo · nothing is stored")
	})
}

func TestDemo_StartsOverWithR(t *testing.T) {
	drive(t, setup{options: func(o *Options) { o.Demo = true }}, func(t *testing.T, d *driver) {
		d.press("R")
		select {
		case <-d.done:
		case <-time.After(time.Minute):
			t.Fatalf("it goes on:\n%s", d.screen())
		}
		if !d.app.startOver {
			t.Error("it ended for good")
		}
	})
}

func TestKeys_RDoesNotStartOverOutsideTheDemo(t *testing.T) {
	drive(t, setup{}, func(t *testing.T, d *driver) {
		d.press("R").sees("acme / sandbox").press(":").write("start over").sees("no action has these words")
	})
}

//go:build !unix

package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

func canSuspend() bool { return false }

type (
	stopMsg     struct{}
	continueMsg struct{}
)

func watchSignals(context.Context, context.CancelCauseFunc, *tea.Program, *signals) {}

func (s *signals) suspendNow() tea.Msg { return nil }

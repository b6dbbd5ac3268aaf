//go:build !unix

package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

func canSuspend() bool { return false }

func watchSignals(context.Context, context.CancelCauseFunc, func(tea.Msg), *signals) {}

func (s *signals) stop(context.Context, int) {}

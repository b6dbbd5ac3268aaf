//go:build !linux

package session

import "context"

func watch(context.Context) (<-chan Request, error) { return nil, ErrUnavailable }

package vault

import (
	"context"
	"slices"
	"sync"
)

// MemoryName is the name of the [Memory] store.
const MemoryName = "memory"

// Memory is a [Store] that forgets everything when the process ends. The demo and
// tests use it.
type Memory struct {
	mu    sync.Mutex
	items map[string][]byte
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{items: map[string][]byte{}} }

// Name returns [MemoryName].
func (m *Memory) Name() string { return MemoryName }

// Noun implements [Named].
func (m *Memory) Noun() string { return "memory store" }

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.items[key]
	if !ok {
		return nil, failed(m, OpRead, ErrNotFound, nil)
	}
	return slices.Clone(value), nil
}

// Set implements [Store].
func (m *Memory) Set(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckItem(m, key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[key] = slices.Clone(value)
	return nil
}

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.items[key]; !ok {
		return failed(m, OpDelete, ErrNotFound, nil)
	}
	delete(m.items, key)
	return nil
}

// Keys implements [Lister].
func (m *Memory) Keys(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := make([]string, 0, len(m.items))
	for k := range m.items {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys, nil
}

package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// listAtOnce is how many secrets are read at the same time.
const listAtOnce = 8

// List implements [vault.Source]. The engine lists deleted secrets too, so List
// reads the metadata of each name that the policies allow. It does not read the
// values.
func (e *engine) List(ctx context.Context) ([]vault.Listed, error) {
	if err := e.checkMount(ctx); err != nil {
		return nil, err
	}
	accounts, err := e.keys(ctx)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.ignored = nil
	e.mu.Unlock()
	found, err := e.named(ctx, accounts)
	if err != nil {
		return nil, err
	}
	left, err := e.undeleted(ctx, found)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(left, func(a, b vault.Listed) int { return strings.Compare(a.String(), b.String()) })
	return left, nil
}

// named returns what has a profile's name in the folders of accounts.
func (e *engine) named(ctx context.Context, accounts []string) ([]vault.Listed, error) {
	var mu sync.Mutex
	var found []vault.Listed
	err := each(ctx, e.sys.Progress, accounts, func(ctx context.Context, account string) error {
		account, folder := strings.CutSuffix(account, "/")
		if !folder {
			return nil
		}
		if vault.ValidName(account) != nil {
			e.ignore(account)
			return nil
		}
		names, err := e.keys(ctx, account)
		for _, name := range names {
			if _, bad := kite.ParseEnvironment(strings.ToLower(name)); bad == nil && strings.ToLower(name) != name {
				e.ignore(account + "/" + name)
			}
			if env, bad := kite.ParseEnvironment(name); bad == nil {
				mu.Lock()
				found = append(found, vault.Listed{Selector: vault.Selector{Account: account, Environment: env}})
				mu.Unlock()
			}
		}
		return err
	})
	return found, err
}

// undeleted adds the former names to what was found, and leaves out what is deleted. A
// secret whose metadata the policies deny counts as there.
func (e *engine) undeleted(ctx context.Context, found []vault.Listed) ([]vault.Listed, error) {
	names := make([]int, len(found))
	for i := range names {
		names[i] = i
	}
	gone := make([]bool, len(found))
	var allowed, denied atomic.Int32
	err := each(ctx, e.sys.Progress, names, func(ctx context.Context, i int) (err error) {
		found[i].Was, gone[i], err = e.about(ctx, found[i].Selector)
		switch {
		case err == nil:
			allowed.Add(1)
		case errors.Is(err, ErrDenied) && (denied.Add(1) <= mostDenied || allowed.Load() > 0):
			return nil // the policies leave out this one
		}
		return err
	})
	if err != nil && !errors.Is(err, ErrDenied) {
		return nil, err
	}
	var left []vault.Listed
	for i, l := range found {
		if !gone[i] {
			left = append(left, l)
		}
	}
	return left, nil
}

// mostIgnored bounds how many names that no profile can have are reported.
const mostIgnored = 20

func (e *engine) ignore(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ignored) < mostIgnored {
		e.ignored = append(e.ignored, shortName(name))
	}
}

// shortName returns a name from elsewhere, cleaned and no longer than an account's.
func shortName(name string) string {
	short := []rune(kite.CleanText(name))
	return string(short[:min(len(short), vault.MaxAccount)])
}

// Ignored implements [vault.Ignorer].
func (e *engine) Ignored() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(slices.Values(e.ignored))
}

// mostDenied is how many secrets' metadata List asks for if each is denied: the
// policies then leave out all of them.
const mostDenied = 16

// each calls do for every item, a few at a time, and stops at the first failure.
// progress is [System.Progress].
func each[T any](ctx context.Context, progress func(done, total int), items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if progress == nil {
		progress = func(int, int) {}
	}
	defer progress(len(items), len(items))
	todo := make(chan T)
	var workers sync.WaitGroup
	for range min(listAtOnce, len(items)) {
		workers.Go(func() {
			for item := range todo {
				if err := do(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for i, item := range items {
		select {
		case todo <- item:
			progress(i, len(items))
		case <-ctx.Done():
			break feed
		}
	}
	close(todo)
	workers.Wait()
	return context.Cause(ctx)
}

// keys lists the names below a path. It returns none if the path does not exist.
func (e *engine) keys(ctx context.Context, parts ...string) ([]string, error) {
	c := call{op: "list", method: http.MethodGet, path: e.below("metadata", parts...) + "/", query: "list=true", capability: "list"}
	r, err := e.authorized(ctx, c)
	if err != nil {
		return nil, err
	}
	if r.status == http.StatusNotFound {
		if err := e.errorOf(ctx, c, r); errors.Is(err, ErrNoMount) {
			return nil, err
		}
		return nil, nil
	}
	var list struct {
		Keys []string `json:"keys"`
	}
	if err := e.dataOf(c, r, "a list", &list); err != nil {
		return nil, err
	}
	if list.Keys == nil {
		return nil, e.failed(c, ErrNotEngine, r, errors.New("the reply is not a list"))
	}
	return list.Keys, nil
}

// renamedFrom is the key in the custom metadata that has a secret's earlier name.
const renamedFrom = "renamed_from"

func (e *engine) metadataPath(sel vault.Selector) string {
	return e.below("metadata", sel.Account, string(sel.Environment))
}

// about reads a secret's metadata: its earlier name, and whether its latest version
// is deleted.
func (e *engine) about(ctx context.Context, sel vault.Selector) (was vault.Selector, gone bool, err error) {
	c := call{op: "list", method: http.MethodGet, path: e.metadataPath(sel), capability: "read"}
	r, err := e.authorized(ctx, c)
	if err != nil {
		return was, false, err
	}
	if r.status == http.StatusNotFound {
		return was, true, nil
	}
	var about struct {
		Current  int64               `json:"current_version"`
		Versions map[string]metadata `json:"versions"`
		Custom   map[string]string   `json:"custom_metadata"`
	}
	if err := e.dataOf(c, r, "a secret's metadata", &about); err != nil {
		return was, false, err
	}
	latest, ok := about.Versions[fmt.Sprint(about.Current)]
	if sel, err := vault.ParseSelector(about.Custom[renamedFrom]); err == nil {
		was = sel
	}
	return was, !ok || latest.Destroyed || latest.DeletionTime != "" && !e.future(r, latest.DeletionTime), nil
}

// future reports whether a time in a reply is later than the reply, whose own date has
// no fractions of a second.
func (e *engine) future(r *reply, at string) bool {
	t, err := time.Parse(time.RFC3339Nano, at)
	return err == nil && t.After(e.clock(r).Add(time.Second))
}

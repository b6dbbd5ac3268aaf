package source_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"kitekey/kite"
	"kitekey/vault"
	"kitekey/vault/source"
	"kitekey/vault/source/sourcetest"
)

var (
	acmeSandbox = vault.Selector{Account: "acme", Environment: kite.Sandbox}
	duneLive    = vault.Selector{Account: "dune", Environment: kite.Live}
)

// has returns the names under which the engine has an item.
func has(t *testing.T, e sourcetest.Engine, mount string, names ...vault.Selector) (found []string) {
	t.Helper()
	for _, sel := range names {
		switch _, err := e.Open(t, mount, e.Root).Get(t.Context(), sel); {
		case err == nil:
			found = append(found, sel.String())
		case !errors.Is(err, source.ErrMissing):
			t.Error(err)
		}
	}
	return found
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMove_InASource(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		ctx, mount := t.Context(), e.Mount(t, 2)
		a, b := newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Root)
		a.add(t, acmeSandbox)
		_, err := a.Rotate(ctx, acmeSandbox, sourcetest.Credential(2))
		ok(t, err)
		_, err = a.Token(ctx, acmeSandbox, vault.TokenRequest{})
		ok(t, err)
		_, err = b.SyncSource(ctx, "bao")
		ok(t, err)
		_, err = b.Token(ctx, acmeSandbox, vault.TokenRequest{})
		ok(t, err)

		p, err := a.Move(ctx, acmeSandbox, duneLive)
		ok(t, err)
		if p.Selector != duneLive || p.State != vault.StateSettled || p.Verdict != vault.VerdictNone || !p.Token.Deadline.IsZero() || p.Label != "Acme Ltd" {
			t.Errorf("%+v", p)
		}
		same(t, has(t, e, mount, acmeSandbox, duneLive), "dune/live")
		if item := get(t, e, mount, duneLive); !sourcetest.Is(item.Current, 2) || !sourcetest.Is(item.Previous, 1) || item.ExpiresIn != 90 {
			t.Error("not all of it came along")
		}
		// Another machine learns of it, and does not take the sandbox's token along.
		s, err := b.SyncSource(ctx, "bao")
		ok(t, err)
		if len(s.Renamed) != 1 || len(s.New)+len(s.Gone) != 0 {
			t.Errorf("b sees %+v", s)
		}
		if p, err := b.Lookup(duneLive); err != nil || !p.Token.Deadline.IsZero() || p.Verdict != vault.VerdictNone {
			t.Errorf("%+v %v", p, err)
		}
		for name, m := range map[string]*machine{"a": a, "b": b} {
			log, err := m.Activities(&duneLive, 1)
			if err != nil || len(log) != 1 || log[0].Action != vault.ActionRenamed || log[0].From != "acme/sandbox" || log[0].To != "dune/live" {
				t.Errorf("%s logged %+v, %v", name, log, err)
			}
			if keys, err := m.store.Keys(ctx); err != nil || len(keys) != 0 {
				t.Errorf("the store of %s has %v, %v", name, keys, err)
			}
		}
		// There and back, over the deleted item.
		_, err = a.Move(ctx, duneLive, acmeSandbox)
		ok(t, err)
		same(t, has(t, e, mount, acmeSandbox, duneLive), "acme/sandbox")
		if s, err = b.SyncSource(ctx, "bao"); err != nil || len(s.Renamed) != 1 {
			t.Errorf("b sees %+v, %v", s, err)
		}
	})
}

func TestMove_InASourceOntoAnother(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		ctx, mount := t.Context(), e.Mount(t, 2)
		a, b := newMachine(t, e, mount, e.Root), newMachine(t, e, mount, e.Root)
		a.add(t, acmeSandbox)
		_, err := b.Add(ctx, vault.NewProfile{Selector: duneLive, Credential: sourcetest.Credential(5), Source: "bao"})
		ok(t, err)
		if _, err := a.Move(ctx, acmeSandbox, duneLive); !errors.Is(err, vault.ErrExists) {
			t.Errorf("got %v", err)
		}
		if p, err := a.Lookup(acmeSandbox); err != nil || p.State != vault.StateSettled {
			t.Errorf("%+v %v", p, err)
		}
		if item := get(t, e, mount, duneLive); !sourcetest.Is(item.Current, 5) {
			t.Error("a colleague's credential was overwritten")
		}
		same(t, has(t, e, mount, acmeSandbox), "acme/sandbox")
	})
}

// between is a source in which a colleague makes a change before an operation.
type between struct {
	sourcetest.Source
	before func(op string)
}

func (b between) Delete(ctx context.Context, sel vault.Selector, version int64) error {
	b.before("delete")
	return b.Source.Delete(ctx, sel, version)
}

func TestMove_TellsOfAColleaguesChangeInBetween(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		for name, change := range map[string]func(t *testing.T, s sourcetest.Source){
			"rotated": func(t *testing.T, s sourcetest.Source) { ok(t, s.Put(t.Context(), sourcetest.Item(acmeSandbox, 7, 1))) },
			"removed": func(t *testing.T, s sourcetest.Source) { ok(t, s.Delete(t.Context(), acmeSandbox, 1)) },
		} {
			t.Run(name, func(t *testing.T) {
				mount := e.Mount(t, 2)
				direct := e.Open(t, mount, e.Root)
				a := machineOver(t, between{direct, once("delete", func() { change(t, direct) })})
				a.add(t, acmeSandbox)
				p, err := a.Move(t.Context(), acmeSandbox, duneLive)
				var holds *vault.RenamedError
				if !errors.As(err, &holds) || !errors.Is(err, vault.ErrConflict) || holds.Source != "bao" {
					t.Errorf("got %v", err)
				}
				if p.Selector != duneLive || p.State != vault.StateSettled {
					t.Errorf("%+v", p)
				}
				if name == "rotated" {
					same(t, has(t, e, mount, acmeSandbox, duneLive), "acme/sandbox", "dune/live")
				}
			})
		}
	})
}

// machineOver returns a machine with an existing source.
func machineOver(t testing.TB, s vault.Source) *machine {
	t.Helper()
	m := &machine{gateway: &gateway{}, store: vault.NewMemory(), dir: t.TempDir()}
	v, err := vault.Open(vault.Options{
		Dir: m.dir, Store: m.store, Gateway: func(kite.Environment) vault.Gateway { return m.gateway },
		Source: func(string) (vault.Source, error) { return s, nil },
	})
	ok(t, err)
	m.Vault = v
	return m
}

// readOnly hides that a source can be written.
type readOnly struct{ s vault.Source }

func (r readOnly) Name() string                                     { return r.s.Name() }
func (r readOnly) List(ctx context.Context) ([]vault.Listed, error) { return r.s.List(ctx) }
func (r readOnly) Get(ctx context.Context, sel vault.Selector) (vault.SourceItem, error) {
	return r.s.Get(ctx, sel)
}

// machineThatOnlyReads lists acme's sandbox profile from a source that it cannot write.
func machineThatOnlyReads(t *testing.T) *machine {
	t.Helper()
	s := sourcetest.New(nil)
	t.Cleanup(s.Close)
	e := sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}
	mount := e.Mount(t, 2)
	newMachine(t, e, mount, e.Root).add(t, acmeSandbox)
	m := machineOver(t, readOnly{e.Open(t, mount, e.Root)})
	_, err := m.SyncSource(t.Context(), "bao")
	ok(t, err)
	return m
}

func TestRename_InASourceThatCannotBeWritten(t *testing.T) {
	m := machineThatOnlyReads(t)
	_, move := m.Move(t.Context(), acmeSandbox, duneLive)
	for what, err := range map[string]error{"Move": move, "Rename": m.Rename(t.Context(), "acme", "dune")} {
		if !errors.Is(err, vault.ErrReadOnly) || !strings.Contains(err.Error(), "acme/sandbox") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if p, err := m.Lookup(acmeSandbox); err != nil || p.State != vault.StateSettled {
		t.Errorf("%+v %v", p, err)
	}
}

// The origin is this machine's to know if the source cannot be told.
func TestEdit_OriginOfASourceThatCannotBeWritten(t *testing.T) {
	m := machineThatOnlyReads(t)
	for _, origin := range []kite.Origin{kite.OriginOverride, kite.OriginKitegateway} {
		p, err := m.Edit(t.Context(), acmeSandbox, vault.ProfileUpdate{Origin: &origin})
		if err != nil || p.Origin != origin {
			t.Errorf("%s: %q, %v", origin, p.Origin, err)
		}
	}
	label := "x"
	if _, err := m.Edit(t.Context(), acmeSandbox, vault.ProfileUpdate{Label: &label}); !errors.Is(err, vault.ErrReadOnly) {
		t.Errorf("its label: %v", err)
	}
}

// dying ends the process before or after an operation.
type dying struct {
	sourcetest.Source
	left *int
}

func (d dying) step() {
	if *d.left--; *d.left < 0 {
		os.Exit(9)
	}
}

func (d dying) Get(ctx context.Context, sel vault.Selector) (vault.SourceItem, error) {
	d.step()
	defer d.step()
	return d.Source.Get(ctx, sel)
}

func (d dying) Put(ctx context.Context, item vault.SourceItem) error {
	d.step()
	defer d.step()
	return d.Source.Put(ctx, item)
}

func (d dying) Delete(ctx context.Context, sel vault.Selector, version int64) error {
	d.step()
	defer d.step()
	return d.Source.Delete(ctx, sel, version)
}

// renameAndDie is the main function of a process that moves acme/sandbox to
// dune/live, or renames acme: "rename ADDRESS MOUNT TOKEN FOLDER STEPS
// move|account". It ends after STEPS steps.
func renameAndDie(args []string) int {
	c := source.Config{Name: "bao", Kind: source.KindVault, Address: args[0], Mount: args[1]}.WithDefaults()
	var left int
	_, _ = fmt.Sscan(args[4], &left)
	v, err := vault.Open(vault.Options{
		Dir: args[3], Store: vault.NewMemory(), Gateway: func(kite.Environment) vault.Gateway { return &gateway{} },
		Source: func(string) (vault.Source, error) {
			s, err := source.Open(c, sourcetest.System(args[2]))
			if err != nil {
				return nil, err
			}
			return dying{s.(sourcetest.Source), &left}, nil
		},
	})
	if err == nil && args[5] == "move" {
		_, err = v.Move(context.Background(), acmeSandbox, duneLive)
	} else if err == nil {
		err = v.Rename(context.Background(), "acme", "dune")
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestRename_ACrashAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	ok(t, err)
	duneSandbox := vault.Selector{Account: "dune", Environment: kite.Sandbox}
	s := sourcetest.New(nil)
	defer s.Close()
	e := sourcetest.Engine{Address: s.URL, Root: sourcetest.RootToken}
	for how, to := range map[string]vault.Selector{"move": duneLive, "account": duneSandbox} {
		for steps := 0; ; steps++ {
			mount, dir := e.Mount(t, 2), t.TempDir()
			m := machineAt(t, dir, e.Config(mount), e.Root, &gateway{})
			m.add(t, acmeSandbox)
			run := func(steps int) int {
				cmd := exec.Command(program, "rename", e.Address, mount, e.Root, dir, fmt.Sprint(steps), how)
				out, err := cmd.CombinedOutput()
				code := cmd.ProcessState.ExitCode()
				if code != 0 && code != 9 {
					t.Fatalf("%s, %d steps: %v %s", how, steps, err, out)
				}
				return code
			}
			died := run(steps) == 9
			names := has(t, e, mount, acmeSandbox, to)
			if len(names) == 0 {
				t.Fatalf("%s: after %d steps the credential is nowhere", how, steps)
			}
			list, err := m.List()
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: after %d steps listed: %+v, %v", how, steps, list, err)
			}
			now := list[0].Selector
			if c, err := m.Credential(t.Context(), now); err != nil || !sourcetest.Is(c, 1) {
				t.Errorf("%s: after %d steps %s cannot be used: %v", how, steps, now, err)
			}
			// Repeating it finishes the work under the old name.
			if now == acmeSandbox {
				run(1 << 20)
				same(t, has(t, e, mount, acmeSandbox, to), to.String())
			}
			if !died {
				same(t, names, to.String())
				break
			}
		}
	}
}

// A deleted item under the new name is not in the way, and the renaming is recorded
// there.
func TestPut_NotesARenamingOverWhatWasDeleted(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		mount := e.Mount(t, 2)
		src := e.Open(t, mount, e.Root)
		ok(t, src.Put(t.Context(), sourcetest.Item(acme, 1, 0)))
		ok(t, src.Delete(t.Context(), acme, 1))
		item := sourcetest.Item(acme, 2, 0)
		item.Was = duneLive
		ok(t, src.Put(t.Context(), item))
		list, err := src.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Was != duneLive {
			t.Errorf("%+v, %v", list, err)
		}
		if status, _ := e.As(t, e.Root, http.MethodGet, mount+"/data/kitegateway/acme/live", nil); status != http.StatusOK {
			t.Error(status)
		}
	})
}

func (b between) Put(ctx context.Context, item vault.SourceItem) error {
	b.before("put")
	return b.Source.Put(ctx, item)
}

// once calls do before the first operation of a kind only.
func once(kind string, do func()) func(op string) {
	return func(op string) {
		if op == kind && do != nil {
			now := do
			do = nil
			now()
		}
	}
}

func TestRotate_KeepsAColleaguesLabel(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		mount := e.Mount(t, 2)
		newMachine(t, e, mount, e.Root).add(t, acme)
		direct := e.Open(t, mount, e.Root)
		m := machineOver(t, between{direct, once("put", func() {
			item, err := direct.Get(t.Context(), acme)
			ok(t, err)
			item.Label = "Acme of a colleague"
			ok(t, direct.Put(t.Context(), item))
		})})
		_, err := m.Link(t.Context(), "bao", acme)
		ok(t, err)
		if r, err := m.Rotate(t.Context(), acme, sourcetest.Credential(2)); err != nil || r.Outcome != vault.OutcomeReplaced {
			t.Fatalf("%+v, %v", r.Outcome, err)
		}
		if item := get(t, e, mount, acme); !sourcetest.Is(item.Current, 2) || !sourcetest.Is(item.Previous, 1) || item.Label != "Acme of a colleague" {
			t.Errorf("label %q, version %d", item.Label, item.Version)
		}
	})
}

func TestRotate_TellsOfAColleaguesRotation(t *testing.T) {
	engines(t, func(t *testing.T, e sourcetest.Engine) {
		mount := e.Mount(t, 2)
		newMachine(t, e, mount, e.Root).add(t, acme)
		direct := e.Open(t, mount, e.Root)
		m := machineOver(t, between{direct, once("put", func() { ok(t, direct.Put(t.Context(), sourcetest.Item(acme, 7, 1))) })})
		_, err := m.Link(t.Context(), "bao", acme)
		ok(t, err)
		if _, err := m.Rotate(t.Context(), acme, sourcetest.Credential(2)); !errors.Is(err, vault.ErrConflict) {
			t.Errorf("got %v", err)
		}
		if item := get(t, e, mount, acme); !sourcetest.Is(item.Current, 7) || item.Version != 2 {
			t.Errorf("version %d", item.Version)
		}
	})
}

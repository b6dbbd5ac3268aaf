package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/tui"
	"kitekey/vault"
)

// scene is a profile of the demo, and how the simulated gateway treats it.
type scene struct {
	account  string
	env      kite.Environment
	label    string
	life     kite.Lifetime      // default expires_in
	treated  simulator.Behavior // by the simulated gateway
	verdict  vault.Verdict      // the verdict of verifying it; VerdictNone means not verified
	mint     bool               // it has a token from the start
	rotation rotationScene
	locked   bool // its item in the store is locked
}

// rotationScene is the state of a profile's rotation.
type rotationScene int

const (
	noRotation rotationScene = iota
	rotated                  // done; the previous credential is kept
	staged                   // the gateway did not answer; the new credential is kept
	refused                  // the gateway refused the new credential
)

// scenes are profiles in every state that the screen shows. The first is chosen
// when the screen opens. Tokens run low during a demonstration, but not in its
// first minute.
var scenes = []scene{
	{account: "acme", env: kite.Sandbox, label: "Acme Stores Ltd", life: 5 * 60, verdict: vault.VerdictOK, mint: true},
	{account: "acme", env: kite.Live, label: "Acme Stores Ltd", life: 60, verdict: vault.VerdictOK},
	{account: "borealis", env: kite.Sandbox, label: "Borealis Books: rotated, the previous credential is kept", life: 15 * 60, verdict: vault.VerdictOK, mint: true, rotation: rotated},
	{account: "coral", env: kite.Sandbox, label: "Coral Clinic: its credential was revoked", life: 5 * 60, verdict: vault.VerdictRejected, treated: simulator.Behavior{Refuse: true}},
	{account: "coral", env: kite.Live, label: "Coral Clinic", life: 60, verdict: vault.VerdictUnreachable, treated: simulator.Behavior{Failure: simulator.Drop}},
	{account: "dune", env: kite.Sandbox, label: "Dune Tours: its token runs low in a minute", life: 100, verdict: vault.VerdictOK, mint: true},
	{account: "ember", env: kite.Sandbox, label: "Ember Grill: asks too often", life: 5 * 60, verdict: vault.VerdictRateLimited, treated: simulator.Behavior{Limit: -1, RetryAfter: time.Minute}},
	{account: "fjord", env: kite.Sandbox, label: "Fjord Ferries: not verified yet", life: 5 * 60},
	{account: "gale", env: kite.Sandbox, label: "Gale Energy: the gateway fails", life: 5 * 60, verdict: vault.VerdictGatewayError, treated: simulator.Behavior{Failure: simulator.InternalError}},
	{account: "harbor", env: kite.Sandbox, label: "Harbor Hotel: this computer's clock is wrong for it", life: 10 * 60, verdict: vault.VerdictOK, mint: true, treated: simulator.Behavior{Skew: 7 * time.Minute}},
	{account: "iris", env: kite.Sandbox, label: "Iris Optics: a new credential is staged", life: 5 * 60, verdict: vault.VerdictOK, rotation: staged},
	{account: "jade", env: kite.Sandbox, label: "Jade Spa: a new credential was refused", life: 5 * 60, verdict: vault.VerdictOK, rotation: refused},
	// The last: once a store is locked, verifying all asks it no more.
	{account: "kelp", env: kite.Sandbox, label: "Kelp Foods: the store is locked", life: 5 * 60, verdict: vault.VerdictStoreLocked, locked: true},
}

// replacement returns the second credential that the gateway knows for a scene.
func (s scene) replacement() kite.Credential {
	name := s.account + "-" + string(s.env) + "-2"
	return kite.Credential{APIKey: kite.NewSecret("sim-key-" + name), APISecret: kite.NewSecret("sim-secret-" + name)}
}

// demoMerchants returns the scenes as merchants of the simulator.
func demoMerchants() (merchants []simulator.Merchant) {
	for _, s := range scenes {
		m := simulator.NewMerchant(s.account, s.env)
		merchants = append(merchants, m)
		if s.rotation == rotated || s.rotation == staged {
			m.Credential = s.replacement()
			merchants = append(merchants, m)
		}
	}
	return merchants
}

// demoStore is a store in memory with locked items.
type demoStore struct {
	*vault.Memory
	mu     sync.Mutex
	locked map[string]bool
}

func (s *demoStore) lock(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked[key] = true
}

// Get implements [vault.Store].
func (s *demoStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	locked := s.locked[key]
	s.mu.Unlock()
	if locked {
		return nil, &vault.StoreError{Op: vault.OpRead, Store: s.Name(), Noun: s.Noun(), Kind: vault.ErrLocked}
	}
	return s.Memory.Get(ctx, key)
}

// demoVault returns a vault in memory with the scenes in it.
func (a *app) demoVault(ctx context.Context, sim *simulator.Simulator) (*vault.Vault, error) {
	store := &demoStore{Memory: vault.NewMemory(), locked: map[string]bool{}}
	v, err := vault.Open(vault.Options{
		Store:   store,
		Now:     a.Now,
		Command: "demo",
		Gateway: a.vaultGateways(map[kite.Environment]string{
			kite.Sandbox: sim.BaseURL(kite.Sandbox), kite.Live: sim.BaseURL(kite.Live),
		}),
	})
	if err != nil {
		return nil, err
	}
	var first vault.Selector
	for i, s := range scenes {
		sel := vault.Selector{Account: s.account, Environment: s.env}
		if i == 0 {
			first = sel
		}
		p, err := v.Add(ctx, vault.NewProfile{Selector: sel, Label: s.label, ExpiresIn: s.life,
			Credential: simulator.NewMerchant(s.account, s.env).Credential, Verdict: s.verdict})
		if err == nil {
			err = s.rotate(ctx, v, sim)
		}
		sim.Set(s.account, s.env, s.treated)
		switch s.verdict { // so that the list and the report have a reason
		case vault.VerdictRejected, vault.VerdictGatewayError, vault.VerdictRateLimited:
			v.Verify(ctx, sel, false)
		case vault.VerdictUnreachable:
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond) // do not wait for the attempts that follow
			v.Verify(short, sel, false)
			cancel()
		}
		if err == nil && s.mint && i > 0 {
			_, err = v.Token(ctx, sel, vault.TokenRequest{})
		}
		if err != nil {
			return nil, vault.About(sel, err)
		}
		if s.locked {
			store.lock(p.ID)
		}
	}
	// Do this last: the screen opens on the profile that was used last.
	_, err = v.Token(ctx, first, vault.TokenRequest{})
	return v, err
}

// rotate takes a rotation as far as the scene says.
func (s scene) rotate(ctx context.Context, v *vault.Vault, sim *simulator.Simulator) error {
	sel := vault.Selector{Account: s.account, Environment: s.env}
	switch s.rotation {
	case rotated:
		_, err := v.Rotate(ctx, sel, s.replacement())
		return err
	case staged:
		// The gateway does not answer in time, and the caller gives up.
		sim.Set(s.account, s.env, simulator.Behavior{Latency: time.Minute})
		return s.giveUpRotating(ctx, v, 20*time.Millisecond)
	case refused:
		if r, err := v.Rotate(ctx, sel, s.replacement()); r.Outcome != vault.OutcomeRejected {
			return fmt.Errorf("the credential was not refused: %w", err)
		}
	}
	return nil
}

// giveUpRotating gives up a rotation after the given time, when the new credential is
// staged. On a busy machine staging takes longer than that: it then tries again with
// more time, so that the demo begins.
func (s scene) giveUpRotating(ctx context.Context, v *vault.Vault, after time.Duration) error {
	sel := vault.Selector{Account: s.account, Environment: s.env}
	for {
		short, cancel := context.WithTimeout(ctx, after)
		r, err := v.Rotate(short, sel, s.replacement())
		cancel()
		switch {
		case r.Outcome == vault.OutcomeStaged:
			return nil
		case after > 5*time.Second || ctx.Err() != nil:
			return fmt.Errorf("the credential was not staged: %w", err)
		}
		after *= 4
	}
}

// demoScript is the script of "kitekey demo --script".
var demoScript = []tui.Step{
	{Say: "Each account's credentials stay in the keyring; its token counts down", Look: 4 * time.Second},
	{Say: "m mints a token that lives as long as the job", Keys: []string{"m"}, Look: 3 * time.Second},
	{Keys: []string{"right", "enter"}, Look: 4 * time.Second},
	{Say: "Its header is on the clipboard, which is cleared after 45 seconds", Look: 4 * time.Second},
	{Say: "A credential that fails says why, in the gateway's words", Keys: []string{"/", "c", "o", "r", "enter"}, Look: 2 * time.Second},
	{Keys: []string{"w"}, Look: 5 * time.Second},
	{Keys: []string{"esc", "esc"}, Look: time.Second},
	{Say: "On live, a copy asks for the profile's name", Keys: []string{"home", "tab", "c"}, Look: 4 * time.Second},
	{Keys: []string{"esc", "tab"}, Look: time.Second},
	{Say: "V verifies every credential", Keys: []string{"V"}, Look: 6 * time.Second},
	{Keys: []string{"esc"}, Look: time.Second},
	{Say: "t shows the unexpired tokens, soonest to expire first", Keys: []string{"t"}, Look: 5 * time.Second},
	{Keys: []string{"esc"}, Look: time.Second},
	{Say: ": lists every action, with its command", Keys: []string{":", "c", "o", "p", "y"}, Look: 5 * time.Second},
	{Keys: []string{"esc", "esc"}, Look: time.Second},
	{Say: "kitekey demo shows the same, with no account and no network", Look: 4 * time.Second},
}

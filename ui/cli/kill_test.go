//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kitekey/kite"
	"kitekey/kite/simulator"
	"kitekey/ui/words"
	"kitekey/vault"
	"kitekey/vault/agefile"
	"kitekey/vault/keyring"
	"kitekey/vault/keyring/keyringtest"
)

// The kill campaign: four workers run kitekey commands that change something and
// kill them (SIGKILL) at random moments, on real stores. The keyring's daemon is
// killed now and then too. After each kill the next command must find the state
// from before or after the killed one. In the end every acknowledged credential can
// be read, every item is listed, and nothing is torn.
//
// A short round runs with every "go test". KITEKEY_KILLS=500 asks for so many
// kills per store, KITEKEY_SEED repeats a round's choices.

const (
	killWorkers  = 4
	killAccounts = 5 // per worker
	killPatience = 60 * time.Second
)

func TestKillCampaign_GnomeKeyringLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	d := keyringtest.Start(t)
	d.Use()
	c := newCampaign(t, openKeyring(t), d.Env())
	stop := c.killDaemon(d)
	c.run()
	stop()
	c.check()
}

func TestKillCampaign_FileStoreLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	const passphrase = "a passphrase for tests alone"
	file := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCampaign(t, func(home string) vault.Store {
		cheapIdentity(t, home, passphrase)
		return agefile.New(home, func(context.Context, vault.Ask) (kite.Secret, error) { return kite.NewSecret(passphrase), nil })
	}, []string{"KITEKEY_PASSPHRASE_FILE=" + file})
	c.run()
	c.check()
}

// cheapIdentity creates the file store's identity with a passphrase that is quick
// to open, so that the campaign spends its time in the vault and not in scrypt.
func cheapIdentity(t *testing.T, home, passphrase string) {
	t.Helper()
	if err := writeCheapIdentity(home, passphrase); err != nil {
		t.Fatal(err)
	}
}

// campaign is one round on one store.
type campaign struct {
	t           *testing.T
	binary      string
	store       string
	env         []string
	vault       *vault.Vault // looks at the state after a kill
	credentials map[string]kite.Credential
	kills       int         // the number of kills to do
	gone        func() bool // the store has crashed: nothing can be checked any more
	late        bool        // the store may carry out a killed kitekey's last call some time later
	seed        uint64

	mu     sync.Mutex
	counts map[string]int
}

// state is the state of a profile: absent (the zero state), or its name and the
// credential in use.
type state struct{ name, cred string }

// killsWanted returns the number of kills of a campaign.
func killsWanted() int {
	if s := os.Getenv("KITEKEY_KILLS"); s != "" {
		return must(strconv.Atoi(s))
	}
	return 30
}

func newCampaign(t *testing.T, open func(home string) vault.Store, env []string) *campaign {
	t.Helper()
	binary := build(t)
	home := filepath.Join(t.TempDir(), "home")
	store := open(home)
	c := &campaign{t: t, binary: binary, store: store.Name(), kills: killsWanted(), gone: func() bool { return false }, seed: rand.Uint64(), counts: map[string]int{}, credentials: map[string]kite.Credential{}}
	if s := os.Getenv("KITEKEY_SEED"); s != "" {
		c.seed = must(strconv.ParseUint(s, 10, 64))
	}
	var merchants []simulator.Merchant
	for i := range 8 {
		m := simulator.NewMerchant(fmt.Sprintf("cred%d", i), kite.Sandbox)
		merchants = append(merchants, m)
		c.credentials[m.Account] = m.Credential
	}
	sim := simulator.New(simulator.Options{Merchants: merchants})
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	c.env = append(append(os.Environ(), env...), "KITEKEY_HOME="+home, "KITEKEY_STORE="+c.store,
		"KITEKEY_SANDBOX_URL="+sim.BaseURL(kite.Sandbox))
	client := &kite.Client{BaseURL: sim.BaseURL(kite.Sandbox)}
	v, err := vault.Open(vault.Options{Dir: home, Store: store, Gateway: func(kite.Environment) vault.Gateway { return client }})
	if err != nil {
		t.Fatal(err)
	}
	c.vault = v
	return c
}

func (c *campaign) run() {
	var wg sync.WaitGroup
	for w := range killWorkers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(c.seed, uint64(w)))
			k := &killer{campaign: c, rand: r, worker: w, states: make([]state, killAccounts)}
			for c.count("kills") < c.kills && !c.t.Failed() && !c.gone() {
				k.step()
			}
		})
	}
	wg.Wait()
}

func (c *campaign) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *campaign) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[what]
}

// killer is one worker. It has its own accounts, and shares the store, the index
// and their locks with the others.
type killer struct {
	*campaign
	rand   *rand.Rand
	worker int
	states []state
	serial int
	took   time.Duration // how long a command runs if it is not killed
}

// step runs one command on one account, killed or not, and looks at the result.
func (k *killer) step() {
	i := k.rand.IntN(len(k.states))
	before := k.states[i]
	after, args, stdin := k.choose(before)
	acked, killed := k.command(args, stdin)
	possible := []state{after}
	if !acked {
		possible = []state{before, after}
		if before.name != "" && after.cred != before.cred {
			possible = append(possible, state{before.name, after.cred})
		}
	}
	if killed {
		k.add("killed in " + args[0])
	}
	k.states[i] = k.find(possible, strings.Join(args, " "), acked)
}

// choose picks a command that makes sense in a state, and returns the state after
// it.
func (k *killer) choose(s state) (after state, args []string, stdin string) {
	other := fmt.Sprintf("cred%d", k.rand.IntN(len(k.credentials)))
	k.serial++
	name := fmt.Sprintf("w%d-%d", k.worker, k.serial)
	if s.name == "" {
		return state{name, other}, []string{"add", name, "--stdin", "--no-verify"}, k.json(other)
	}
	switch n := k.rand.IntN(10); {
	case n < 2:
		return state{}, []string{"remove", s.name, "--yes"}, ""
	case n < 4:
		return state{name, s.cred}, []string{"rename", s.name, name}, ""
	case n < 7 && other != s.cred:
		return state{s.name, other}, []string{"rotate", s.name, "--stdin"}, k.json(other)
	default:
		return s, []string{"token", s.name, "--fresh"}, ""
	}
}

func (k *killer) json(cred string) string {
	c := k.credentials[cred]
	return fmt.Sprintf(`{"api_key":%q,"api_secret":%q}`, c.APIKey.Reveal(), c.APISecret.Reveal())
}

// command runs kitekey, and usually kills it at a random moment.
func (k *killer) command(args []string, stdin string) (acked, killed bool) {
	cmd := exec.Command(k.binary, args...)
	cmd.Env = k.env
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		k.t.Error(err)
		return false, false
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var deadline <-chan time.Time
	if k.took > 0 && k.rand.IntN(5) > 0 {
		deadline = time.After(time.Duration(k.rand.Int64N(int64(k.took))))
	}
	var err error
	select {
	case err = <-ended:
	case <-deadline:
		_ = cmd.Process.Kill()
		err = <-ended
	}
	var exited *exec.ExitError
	switch {
	case err == nil:
		k.add("acknowledged")
		if d := time.Since(began); k.took == 0 {
			k.took = d
		} else {
			k.took += (d - k.took) / 4
		}
		return true, false
	case errors.As(err, &exited) && exited.ExitCode() == -1:
		k.add("kills")
		return false, true
	default:
		k.add("failed")
		// While its daemon is killed the keyring is unavailable; no other failure is
		// accepted.
		if code := exited.ExitCode(); code != 6 {
			k.t.Errorf("%s: exit %d: %s", args, code, stderr.String())
		}
		return false, false
	}
}

// find settles the profile and returns the one of the possible states that it is
// in.
func (k *killer) find(possible []state, command string, acked bool) state {
	for deadline := time.Now().Add(killPatience); ; time.Sleep(20 * time.Millisecond) {
		got, err := k.look(possible)
		if err == nil {
			if !slices.Contains(possible, got) {
				k.t.Errorf("after %q (acknowledged: %v) the state is %+v, possible are %+v", command, acked, got, possible)
			}
			return got
		}
		switch {
		case k.gone():
			return possible[0]
		case time.Now().After(deadline):
			k.t.Errorf("after %q: %v", command, err)
			return possible[0]
		}
	}
}

// look reads the state from the vault. An error means that the keyring is
// unavailable, or that another worker is settling this profile.
func (k *killer) look(possible []state) (state, error) {
	ctx, cancel := context.WithTimeout(context.Background(), killPatience)
	defer cancel()
	if err := k.vault.Settle(ctx); err != nil {
		return state{}, err
	}
	var found []state
	for _, s := range possible {
		if s.name == "" || slices.ContainsFunc(found, func(f state) bool { return f.name == s.name }) {
			continue
		}
		p, err := k.vault.Lookup(vault.Selector{Account: s.name, Environment: kite.Sandbox})
		if errors.Is(err, vault.ErrNoProfile) {
			continue
		}
		if err == nil && p.State != vault.StateSettled {
			err = fmt.Errorf("%s is still %s", s.name, p.State)
		}
		if err != nil {
			return state{}, err
		}
		cred, err := k.vault.Credential(ctx, p.Selector)
		if err != nil {
			return state{}, err
		}
		found = append(found, state{s.name, k.credentialOf(cred)})
	}
	switch len(found) {
	case 0:
		return state{}, nil
	case 1:
		return found[0], nil
	}
	return state{}, fmt.Errorf("doubled: %+v", found)
}

func (k *killer) credentialOf(cred kite.Credential) string {
	for name, c := range k.credentials {
		if c.APIKey.Equal(cred.APIKey) && c.APISecret.Equal(cred.APISecret) {
			return name
		}
	}
	return "a credential that was never stored"
}

// killDaemon kills the keyring's daemon at random moments and starts another, until
// stop is called.
func (c *campaign) killDaemon(d *keyringtest.Keyring) (stop func()) {
	r := rand.New(rand.NewPCG(c.seed, 99))
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(100+r.IntN(400)) * time.Millisecond):
				d.KillDaemon()
				c.add("daemon killed")
				d.StartDaemon()
			}
		}
	}()
	return func() { close(done); <-ended }
}

// check checks everything at the end.
func (c *campaign) check() {
	ctx, cancel := context.WithTimeout(context.Background(), killPatience)
	defer cancel()
	err := c.vault.Settle(ctx)
	for err != nil && ctx.Err() == nil { // a keyring on a busy machine may miss its deadline
		err = c.vault.Settle(ctx)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	wrong := c.wrong(ctx)
	for try := 0; len(wrong) > 0 && try < 2; try++ {
		wrong = c.wrong(ctx)
	}
	if c.late && len(wrong) == 1 && wrong[0].Kind == vault.FindingOrphans && wrong[0].Count == 1 {
		steps, err := c.vault.Repair(ctx, true)
		if err != nil {
			c.t.Error(err)
		}
		c.t.Logf("an item of no profile, repaired: %+v", steps)
		wrong = c.wrong(ctx)
	}
	for _, f := range wrong {
		c.t.Errorf("%s: %+v", f.Severity, words.Finding(f))
	}
	profiles, err := c.vault.List()
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.Logf("%s, seed %d: %v, %d profiles in the end", c.store, c.seed, c.counts, len(profiles))
}

// wrong returns what a check finds that a campaign must not leave.
func (c *campaign) wrong(ctx context.Context) []vault.Finding {
	found, err := c.vault.Check(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f vault.Finding) bool {
		// A rotation that was killed before the gateway answered leaves a staged
		// credential.
		return f.Severity == vault.SeverityOK || f.Kind == vault.FindingStaged
	})
}

// build returns the path of the real binary, which is built once for all tests.
// TestMain removes it. With the race detector it skips the test: the detector sees what
// happens in this test's own process, and only makes the rest slower.
func build(t testing.TB) string {
	t.Helper()
	if raceDetector {
		t.Skip("runs kitekey in a process of its own, which the race detector does not see into")
	}
	dir, err := realBinary()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "kitekey")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestKillCampaign_KWalletLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	d := keyringtest.StartKWallet(t)
	d.CreateWallet()
	d.Use()
	c := newCampaign(t, openKeyring(t), d.Env())
	c.run()
	c.check()
}

// There are two databases. Which one is in front, and so the default collection,
// changes all the time. KeePassXC 2.7.4 crashes at times when it is used so fast, in the
// thread that saves a database: the campaign goes on with another KeePassXC.
func TestKillCampaign_MovingDefaultCollectionLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	build(t) // or skip
	const rounds = 20
	kills, want := 0, killsWanted()
	for round := 0; kills < want && !t.Failed(); round++ {
		if round == rounds {
			t.Fatalf("KeePassXC crashed in each of %d rounds, with %d kills together", rounds, kills)
		}
		t.Run(strconv.Itoa(round), func(t *testing.T) { kills += killWhileDefaultMoves(t, want-kills) })
	}
}

// killWhileDefaultMoves returns the number of kills, which is below kills if KeePassXC
// crashed. Then it does not check what KeePassXC had not saved yet.
func killWhileDefaultMoves(t *testing.T, kills int) int {
	d := keyringtest.StartSavingKeePassXC(t, "first", "second")
	d.Use()
	c := newCampaign(t, openKeyring(t), d.Env())
	// KeePassXC creates an item when it has nothing else to do, also for a caller that has
	// died: once in some thousand kills after the next kitekey has found that there is none.
	c.kills, c.gone, c.late = kills, d.Crashed, true
	answers := d.AnswerAll(0, "Return")
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for last := ""; ; {
			if now, err := d.ReadDefaultCollection(); err == nil && now != last {
				last = now
				c.add("default collection changed")
			}
			select {
			case <-done:
				return
			case <-time.After(300 * time.Millisecond):
				d.PressNextTab()
			}
		}
	}()
	c.run()
	close(done)
	<-ended
	if d.Crashed() {
		t.Logf("KeePassXC crashed: %v", c.counts)
	} else {
		c.check()
	}
	answers()
	return c.count("kills")
}

// openKeyring opens the keyring, and closes its connection at the test's end.
func openKeyring(t *testing.T) func(string) vault.Store {
	return func(string) vault.Store {
		s := keyring.New()
		t.Cleanup(s.Lock)
		return s
	}
}

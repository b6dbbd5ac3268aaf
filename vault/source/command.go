package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kitekey/kite"
	"kitekey/vault"
)

// Limits of a command's time and output.
const (
	commandTimeout = 30 * time.Second // it may have to ask for a PIN
	maxOutput      = 64 << 10
	maxListOutput  = 4 << 20
)

// preset is a known manager's command line.
type preset struct{ get, list []string }

// presets are the known managers. They expect an entry per profile, at
// PATH/ACCOUNT/ENVIRONMENT or of that name. None prints a secret anywhere but on
// its standard output.
var presets = map[string]preset{
	// Entries of two lines, or of "api_key: …" lines.
	"pass":   {get: []string{"pass", "show", "{path}/{account}/{environment}"}, list: []string{"pass", "ls", "{path}"}},
	"gopass": {get: []string{"gopass", "show", "--noparsing", "{path}/{account}/{environment}"}, list: []string{"gopass", "ls", "--flat", "{path}"}},
	// Items named "acme/live" with the fields api_key and api_secret, in the vault {path}.
	"op": {
		get:  []string{"op", "item", "get", "{account}/{environment}", "--vault", "{path}", "--format", "json", "--fields", "label=api_key,label=api_secret"},
		list: []string{"op", "item", "list", "--vault", "{path}", "--format", "json"},
	},
	// Items named "kitegateway/acme/live" with those fields, or with user name and password.
	"bw": {
		get:  []string{"bw", "get", "item", "{path}/{account}/{environment}", "--nointeraction"},
		list: []string{"bw", "list", "items", "--search", "{path}/", "--nointeraction"},
	},
}

// Presets returns the names of the presets, sorted.
func Presets() []string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c Config) checkCommand() error {
	switch {
	case cmp.Or(c.Address, c.Mount, c.Namespace, c.CA, c.RoleID, c.SecretIDFile) != "" || c.SecretIDFD != 0:
		return errors.New("address, mount, namespace, CA and AppRole belong to --kind vault")
	case c.Preset != "" && presets[c.Preset].get == nil:
		return fmt.Errorf("unknown preset %q; use %s", c.Preset, strings.Join(Presets(), ", "))
	case len(c.Get) == 0 || c.Get[0] == "":
		return errors.New("the command is missing: name a preset, or give the command and its arguments")
	case len(c.Get) > 64 || len(c.List) > 64:
		return errors.New("the command has more than 64 arguments")
	case filepath.Base(c.Get[0]) != c.Get[0] && !filepath.IsAbs(c.Get[0]):
		return fmt.Errorf("%s is relative to the working folder: give the program's whole path", c.Get[0])
	}
	for _, arg := range append(slices.Clone(c.Get), c.List...) {
		if strings.ContainsRune(arg, 0) {
			return errors.New("an argument holds a zero byte")
		}
	}
	if !slices.ContainsFunc(c.Get, func(arg string) bool { return strings.Contains(arg, "{account}") }) {
		return errors.New(`no argument holds "{account}", so every profile would get the same credential`)
	}
	return checkPath(c.Path)
}

// argv returns an argument vector with {path} replaced.
func (c Config) argv(args []string) []string {
	list := slices.Clone(args)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "{path}", c.Path)
	}
	return list
}

// command is a source that runs a program, without a shell, and reads its output.
type command struct {
	config Config
	sys    System

	mu      sync.Mutex
	ignored []string // by the last List, cleaned
}

func newCommand(c Config, sys System) *command { return &command{config: c, sys: sys} }

// Name implements [vault.Source].
func (c *command) Name() string { return c.config.Name }

// Get implements [vault.Source].
func (c *command) Get(ctx context.Context, sel vault.Selector) (vault.SourceItem, error) {
	argv := c.config.argv(c.config.Get)
	for i := range argv {
		argv[i] = strings.NewReplacer("{account}", sel.Account, "{environment}", string(sel.Environment)).Replace(argv[i])
	}
	out, said, err := c.run(ctx, "read", argv, maxOutput)
	if err != nil {
		return vault.SourceItem{}, err
	}
	defer clear(out)
	item, err := readOutput(out, sel)
	if err != nil {
		return item, &Error{Source: c.config.Name, Op: "read", Kind: ErrMalformed, Path: "what " + argv[0] + " printed", Message: said, Err: err}
	}
	item.Selector, item.Version = sel, 1
	return item, nil
}

// List implements [vault.Source].
func (c *command) List(ctx context.Context) ([]vault.Listed, error) {
	if len(c.config.List) == 0 {
		return nil, &Error{Source: c.config.Name, Op: "list", Kind: ErrCommand, Err: errNoList}
	}
	argv := c.config.argv(c.config.List)
	out, said, err := c.run(ctx, "list", argv, maxListOutput)
	if err != nil {
		return nil, err
	}
	defer clear(out)
	names, isList := readNames(out)
	sels, ignored := selectorsIn(names, c.config.Path)
	// A manager that is locked may say so, and report success. An empty list would
	// remove every profile.
	if len(sels) == 0 && (said != "" || !isList) {
		return nil, &Error{Source: c.config.Name, Op: "list", Kind: ErrCommand, Path: argv[0], Message: said, Err: fmt.Errorf("%s printed no name of a profile", argv[0])}
	}
	c.mu.Lock()
	c.ignored = ignored[:min(len(ignored), mostIgnored)]
	c.mu.Unlock()
	var found []vault.Listed
	for _, sel := range sels {
		found = append(found, vault.Listed{Selector: sel})
	}
	return found, nil
}

// Ignored implements [vault.Ignorer].
func (c *command) Ignored() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ignored)
}

var errNoList = errors.New("no command that lists is set up")

// Test implements [Tester].
func (c *command) Test(ctx context.Context, _ ...vault.Selector) []Finding {
	path, err := c.program("test", c.config.Get[0])
	found := []Finding{{"program", err == nil, path, err}}
	if err != nil || len(c.config.List) == 0 {
		return found
	}
	listed, err := c.List(ctx)
	return append(found, Finding{"list", err == nil, fmt.Sprintf("%d credentials", len(listed)), err})
}

// program finds a program.
func (c *command) program(op, name string) (string, error) {
	look := c.sys.LookPath
	if look == nil {
		look = exec.LookPath
	}
	path, err := look(name)
	if err != nil {
		return "", &Error{Source: c.config.Name, Op: op, Kind: ErrCommand, Path: name, Err: fmt.Errorf("%s: %w", name, runError(err))}
	}
	return path, nil
}

// run runs a program with a deadline, a bounded output and an environment that
// has nothing of kitekey's in it. It returns its output and the last line that it
// wrote to stderr.
func (c *command) run(ctx context.Context, op string, argv []string, limit int64) ([]byte, string, error) {
	program, err := c.program(op, argv[0])
	if err != nil {
		return nil, "", err
	}
	timeout := cmp.Or(10*c.sys.Timeout, commandTimeout)
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, program, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = cleaned(c.sys.Environ)
	endWithChildren(cmd)
	cmd.WaitDelay = time.Second // a child of its own may hold the pipe open
	var out, said bounded
	out.limit, out.strict, said.limit = limit, true, 4<<10
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	defer said.erase()
	failure := &Error{Source: c.config.Name, Op: op, Kind: ErrCommand, Path: argv[0]}
	switch {
	case ctx.Err() != nil:
		out.erase()
		return nil, "", ctx.Err()
	case out.over:
		failure.Err = fmt.Errorf("%s printed more than %d KiB", argv[0], limit>>10)
	case limited.Err() != nil:
		failure.Kind, failure.Err = ErrTimeout, fmt.Errorf("%s ran longer than %v", argv[0], timeout)
	// A program that it left behind, such as an agent, holds the pipe open. Its own
	// output is complete.
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return out.data, lastLine(said.data), nil
	default:
		// The user sees what a manager says on stderr, but not its output.
		failure.Message, failure.Err = lastLine(said.data), fmt.Errorf("%s: %w", argv[0], runError(err))
	}
	out.erase()
	return nil, "", failure
}

// runError removes the command's arguments and the program's path from an error.
func runError(err error) error {
	var missing *exec.Error
	var path *fs.PathError
	if errors.As(err, &path) && strings.HasPrefix(path.Op, "fork") && errors.Is(err, fs.ErrNotExist) {
		return errors.New("the interpreter or loader that it names does not exist")
	}
	if errors.As(err, &path) {
		return path.Err
	}
	if errors.As(err, &missing) {
		return missing.Err
	}
	return err
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	line := []rune(kite.CleanText(lines[len(lines)-1]))
	return string(line[:min(len(line), 200)])
}

// cleaned returns the environment without kitekey's own variables and without
// tokens for other sources.
func cleaned(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(v), "=")
		switch {
		case strings.HasPrefix(name, "KITEKEY_"), strings.HasPrefix(name, "KITE_"):
			return true
		case name == "VAULT_TOKEN", name == "BAO_TOKEN":
			return true
		}
		return replacesCode(name)
	})
}

// replacesCode reports whether a variable has a program run code that is not its
// own: another library, a shell's start-up file or function, an interpreter's option.
func replacesCode(name string) bool {
	for _, prefix := range []string{"LD_", "DYLD_", "BASH_FUNC_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4",
		"NODE_OPTIONS", "NODE_PATH", "PERL5OPT", "PERL5LIB", "PYTHONPATH", "PYTHONHOME", "RUBYOPT", "RUBYLIB":
		return true
	}
	return false
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/vault"
)

// apiFlags are what api is asked to send and to show.
type apiFlags struct {
	token   tokenFlags
	data    string
	texts   []string // -f
	values  []string // -F
	headers []string
	include bool
	fail    bool
	confirm string
}

func newAPI(a *app) *cobra.Command {
	var flags apiFlags
	cmd := &cobra.Command{
		Use:   "api [SELECTOR] [METHOD] PATH",
		Short: "Call the API with a token",
		Long: `Call the Kitegateway API with a token: the kept one while it has life enough,
otherwise a new one. PATH is below the base URL, as in /data/wallets/balances.

METHOD is GET, or POST when there is something to send: --data (JSON, @FILE, or - for
stdin), or fields of a JSON object, -f for text and -F for anything else in JSON
(numbers, true, null). With GET and HEAD fields go into the query.

The reply goes to stdout as it came, indented at a terminal; a reply other than 2xx is
printed as well (not with --fail), and its exit code is 4 or 5.

A write on live (anything but GET and HEAD) asks for the profile's name, or wants
--confirm with it. When the gateway no longer accepts a kept token a new one is minted
and GET, HEAD and OPTIONS are repeated; other calls are not, because what they ask for
may have been done.`,
		Example: `  kitekey api acme /data/wallets/balances
  kitekey api acme POST /collections/request-to-pay -F amount=500 -f currency=UGX
  kitekey api acme/live POST /collections/request-to-pay --data @payment.json --confirm acme/live
  kitekey api acme --fail /data/wallets/UGX/balance | jq .data.balance`,
		Args: argCount(1, 3, "a path, before it perhaps a profile and a method"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeSelectors(false)(cmd, args, toComplete)
			}
			return []string{"/data/wallets/balances", "/data/wallets/", "/collections/request-to-pay", "/transactions/send-callback/"},
				cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
	}
	flags.token.register(cmd)
	f := cmd.Flags()
	f.StringVarP(&flags.data, "data", "d", "", "`body`: JSON, @FILE, or - for stdin")
	f.StringArrayVarP(&flags.texts, "raw-field", "f", nil, "field of the body as text, `KEY=VALUE`; may be repeated")
	f.StringArrayVarP(&flags.values, "field", "F", nil, "field of the body as JSON, `KEY=VALUE`; may be repeated")
	f.StringArrayVarP(&flags.headers, "header", "H", nil, "header to add, `NAME:VALUE`; may be repeated")
	f.BoolVarP(&flags.include, "include", "i", false, "print the reply's status and headers first")
	f.BoolVar(&flags.fail, "fail", false, "print nothing of a reply other than 2xx")
	f.StringVar(&flags.confirm, "confirm", "", "the `profile`'s name, for a write on live without being asked")
	cmd.MarkFlagsMutuallyExclusive("data", "raw-field")
	cmd.MarkFlagsMutuallyExclusive("data", "field")
	_ = cmd.RegisterFlagCompletionFunc("confirm", a.completeSelectors(false))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.api(cmd.Context(), args, flags, f.Changed("data"))
	}
	return cmd
}

func (a *app) api(ctx context.Context, args []string, flags apiFlags, hasData bool) error {
	m := flags.token.request()
	profile, method, path, err := splitAPIArgs(args)
	if err != nil {
		return err
	}
	sel, err := a.selector(profile)
	if err != nil {
		return err
	}
	r, err := a.apiRequest(method, path, flags, hasData)
	if err != nil {
		return err
	}
	urls, err := a.overrides()
	if err != nil {
		return err
	}
	r.Path = belowBase(r.Path, a.baseURL(sel.Environment))
	if err := kite.CheckPath(r.Path); err != nil {
		return usagef("%w", err)
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	if _, err := v.Lookup(sel); err != nil {
		return about(sel, err)
	}
	if err := a.confirmWrite(ctx, sel, r.Method, flags.confirm); err != nil {
		return err
	}
	reply, err := a.callAPI(ctx, v, a.gateways(urls)(sel.Environment), sel, m, r)
	if reply != nil && (err == nil || !flags.fail) {
		if printErr := a.printReply(reply, flags.include); printErr != nil && err == nil {
			err = printErr
		}
	}
	return about(sel, err)
}

// splitAPIArgs tells PATH, METHOD PATH, SELECTOR PATH and SELECTOR METHOD PATH
// apart. A path has a slash or is a URL; account names are lower-case, so a
// method without a profile is one that is written in capitals.
func splitAPIArgs(args []string) (profile []string, method, path string, err error) {
	path, rest := args[len(args)-1], args[:len(args)-1]
	switch len(rest) {
	case 1:
		if rest[0] != "" && strings.Trim(rest[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			method = rest[0]
		} else {
			profile = rest
		}
	case 2:
		profile, method = rest[:1], strings.ToUpper(rest[1])
	default:
		if !strings.HasPrefix(path, "/") && !strings.Contains(path, "://") {
			return nil, "", "", usagef("no path: write one after the profile, as in /data/wallets/balances")
		}
	}
	switch method {
	case "", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE":
		return profile, method, path, nil
	}
	return nil, "", "", usagef("that is no method: it is GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS")
}

// belowBase takes the base URL, or its path, off a path that was copied with it.
func belowBase(path, base string) string {
	path = strings.TrimPrefix(path, base)
	if u, err := url.Parse(base); err == nil && u.Path != "" && strings.HasPrefix(path, u.Path+"/") {
		path = strings.TrimPrefix(path, u.Path)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// apiRequest makes the request of what was asked for.
func (a *app) apiRequest(method, path string, flags apiFlags, hasData bool) (kite.Request, error) {
	r := kite.Request{Method: method, Path: path, Header: http.Header{}}
	for _, h := range flags.headers {
		name, value, ok := strings.Cut(h, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch {
		case !ok || name == "":
			return r, usagef("--header: write NAME:VALUE")
		case name == "Authorization" || name == "Secret-Key":
			return r, usagef("--header: %s is kitekey's to send", name)
		}
		if err := kite.CheckHeader(name, value); err != nil {
			return r, usagef("--header: %w", err)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	fields, err := bodyFields(flags.texts, flags.values)
	if err != nil {
		return r, err
	}
	hasFields := len(flags.texts)+len(flags.values) > 0
	if r.Method == "" {
		r.Method = http.MethodGet
		if hasData || hasFields {
			r.Method = http.MethodPost
		}
	}
	switch reads := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case hasFields && reads:
		query := url.Values{}
		for name, value := range fields {
			text, isText := value.(string)
			if !isText {
				data, _ := json.Marshal(value) // it came out of JSON
				text = string(data)
			}
			query.Set(name, text)
		}
		separator := "?"
		if strings.Contains(r.Path, "?") {
			separator = "&"
		}
		r.Path += separator + query.Encode()
	case hasFields:
		r.Body, err = json.Marshal(fields)
	case hasData && reads:
		return r, usagef("%s sends no body: leave --data out, or use -f for the query", r.Method)
	case hasData:
		r.Body, err = a.readData(flags.data, r.Header.Get("Content-Type"))
	}
	return r, err
}

// bodyFields reads -f KEY=TEXT and -F KEY=JSON.
func bodyFields(texts, values []string) (map[string]any, error) {
	fields := make(map[string]any, len(texts)+len(values))
	add := func(flag, field string, read func(string) (any, error)) error {
		name, text, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return usagef("%s: write KEY=VALUE", flag)
		}
		if _, twice := fields[name]; twice {
			return usagef("%s: the field %q is given twice", flag, name)
		}
		value, err := read(text)
		if err != nil {
			return usagef("%s %s: %w", flag, name, err)
		}
		fields[name] = value
		return nil
	}
	for _, field := range texts {
		if err := add("-f", field, func(s string) (any, error) { return s, nil }); err != nil {
			return nil, err
		}
	}
	for _, field := range values {
		if err := add("-F", field, func(s string) (value any, err error) {
			if !json.Valid([]byte(s)) {
				return nil, errors.New("not JSON; -f sends text")
			}
			return json.RawMessage(s), nil // a number keeps its digits
		}); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// maxData bounds a body.
const maxData = 16 << 20

// readData reads --data. A body that says nothing else of itself must be JSON.
func (a *app) readData(data, contentType string) ([]byte, error) {
	body := []byte(data)
	if name, isFile := strings.CutPrefix(data, "@"); isFile || data == "-" {
		from := a.Stdin
		if isFile && name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, usagef("--data: %w", err)
			}
			defer f.Close()
			from = f
		}
		var err error
		if body, err = io.ReadAll(io.LimitReader(from, maxData+1)); err != nil {
			return nil, usagef("--data: %w", err)
		}
	}
	if len(body) > maxData {
		return nil, usagef("--data: more than %d MiB", maxData>>20)
	}
	if contentType == "" && !json.Valid(body) {
		return nil, usagef("--data is not JSON; to send something else say what with -H Content-Type:…")
	}
	return body, nil
}

// confirmWrite lets reads pass, and writes on the sandbox; a write on live moves
// money and needs the profile's name.
func (a *app) confirmWrite(ctx context.Context, sel vault.Selector, method, confirmed string) error {
	if confirmed != "" && confirmed != sel.String() {
		return unconfirmedf("%s: --confirm names another profile; nothing was sent", sel)
	}
	if sel.Environment != kite.Live || method == http.MethodGet || method == http.MethodHead || confirmed != "" {
		return nil
	}
	if !a.canAsk() {
		return unconfirmedf("%s: %s on live can move money; confirm with --confirm %s", sel, method, sel)
	}
	ok, err := a.confirmName(ctx, fmt.Sprintf("%s on LIVE can move money. Type %s to go on: ", method, sel), sel.String())
	if err == nil && !ok {
		err = unconfirmedf("%s: not confirmed, nothing was sent", sel)
	}
	return err
}

// callAPI makes the call. A kept token that the gateway no longer accepts is
// replaced, once.
func (a *app) callAPI(ctx context.Context, v *vault.Vault, c *kite.Client, sel vault.Selector, req vault.TokenRequest, r kite.Request) (*kite.Reply, error) {
	tok, err := a.token(ctx, v, sel, req)
	if err != nil {
		return nil, err
	}
	reply, err := c.Do(ctx, tok.Token, r)
	if tok.Minted || reply == nil || reply.Status != http.StatusUnauthorized || !errors.Is(err, kite.ErrRefused) {
		return reply, err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		if v.Forget(ctx, sel) == nil {
			a.note("%s: the kept token was not accepted and has been dropped; the next call mints a new one", sel)
		}
		return reply, err
	}
	req.Fresh = true
	if tok, err = a.token(ctx, v, sel, req); err != nil {
		return nil, err
	}
	return c.Do(ctx, tok.Token, r)
}

// printReply writes a reply to stdout: as it came for a program, readable and
// harmless for a person.
func (a *app) printReply(reply *kite.Reply, include bool) error {
	onTerminal := isTerminal(a.Stdout)
	var b bytes.Buffer
	if include {
		fmt.Fprintf(&b, "%s %d %s\n", reply.Proto, reply.Status, http.StatusText(reply.Status))
		for _, name := range slices.Sorted(maps.Keys(reply.Header)) {
			for _, value := range reply.Header[name] {
				fmt.Fprintf(&b, "%s: %s\n", kite.CleanText(name), kite.CleanText(value))
			}
		}
		b.WriteByte('\n')
	}
	switch {
	case !onTerminal:
		b.Write(reply.Body)
	case json.Valid(reply.Body):
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, bytes.TrimSpace(reply.Body), "", "  ")
		b.Write(escapeInvisible(pretty.Bytes()))
		b.WriteByte('\n')
	default:
		for line := range strings.Lines(string(reply.Body)) {
			b.WriteString(kite.CleanText(line) + "\n")
		}
	}
	if _, err := a.Stdout.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the reply: %w", err)
	}
	return nil
}

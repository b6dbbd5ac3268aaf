package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/vault"
)

type apiOptions struct {
	token   tokenFlags
	profile []string // the selector, if it was given
	method  string   // "" means GET, or POST if there is a body
	path    string
	data    *string  // nil if not given
	texts   []string // -f
	values  []string // -F
	headers []string
	timeout time.Duration
	include bool
	fail    bool
	confirm string
}

func newAPI(a *app, run func(context.Context, apiOptions) error) *cobra.Command {
	o := apiOptions{timeout: time.Minute}
	var data string
	cmd := &cobra.Command{
		Use:   "api [SELECTOR] [METHOD] PATH",
		Short: "Call the API with a token",
		Long: `Call the Kitegateway API with a token: the cached one if it has enough life left,
otherwise a new one. PATH is below the base URL, as in /data/wallets/balances.

METHOD defaults to GET, or to POST when there is something to send: --data (JSON,
@FILE, or - for stdin), or fields of a JSON object, -f for text and -F for anything
else in JSON (numbers, true, null). With GET and HEAD, fields go into the query.

The whole reply goes to stdout, indented at a terminal and unchanged otherwise. A reply
that is not 2xx, or not in Kitegateway's form, is printed too, unless --fail is given,
and gives exit code 4 or 5.

A write (anything but GET, HEAD and OPTIONS, or a read whose header or query names
another method) is sent once. If no answer says whether it was carried out, or if the
answer cannot be printed, the exit code is 8: look it up before you repeat it. On live
a write asks for the profile's name; without a terminal --confirm gives it.

When the gateway no longer accepts a cached token, a new one is minted and a read is
repeated with it; a write is not.`,
		Example: `  kitekey api acme /data/wallets/balances
  kitekey api acme --fail /data/wallets/UGX/balance | jq .data.balance
  kitekey api acme POST /collections/request-to-pay -F amount=500 -f currency=UGX -f payment_method=MOBILE_MONEY -f account_number=256700000000 -f narration=test -f merchant_reference=0b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c
  kitekey api acme/live POST /collections/request-to-pay --data @payment.json --confirm acme/live`,
		Args: argCount(1, 3, "a path, with an optional profile and method before it"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeSelectors(false)(cmd, args, toComplete)
			}
			return []string{"/data/wallets/balances", "/data/wallets/", "/collections/request-to-pay", "/transactions/send-callback/"},
				cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.profile, o.method, o.path, err = splitAPIArgs(args); err != nil {
				return err
			}
			if cmd.Flags().Changed("data") {
				o.data = &data
			}
			return run(cmd.Context(), o)
		},
	}
	o.token.register(cmd, leastForCall)
	f := cmd.Flags()
	f.StringVarP(&data, "data", "d", "", "`body`: JSON, @FILE, or - for stdin")
	f.StringArrayVarP(&o.texts, "raw-field", "f", nil, "field of the body as text, `KEY=VALUE`; may be repeated")
	f.StringArrayVarP(&o.values, "field", "F", nil, "field of the body as JSON, `KEY=VALUE`; may be repeated")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "header to add, `NAME:VALUE`; may be repeated")
	durationFlag(cmd, &duration{value: &o.timeout, least: time.Second}, "timeout", "longest `time` without an answer")
	f.BoolVarP(&o.include, "include", "i", false, "print the reply's status and headers first")
	f.BoolVar(&o.fail, "fail", false, "print nothing if the reply is not 2xx")
	a.confirmFlag(cmd, &o.confirm)
	cmd.MarkFlagsMutuallyExclusive("data", "raw-field")
	cmd.MarkFlagsMutuallyExclusive("data", "field")
	return cmd
}

func (a *app) runAPI(ctx context.Context, o apiOptions) error {
	sel, err := a.selector(o.profile)
	if err != nil {
		return err
	}
	r, err := a.apiRequest(ctx, o)
	if err != nil {
		return err
	}
	urls, err := a.overrides()
	if err != nil {
		return err
	}
	if r.Path, err = belowBase(r.Path, a.baseURL(sel.Environment)); err != nil {
		return err
	}
	if err := kite.CheckPath(r.Path); err != nil {
		return usagef("%w", err)
	}
	v, err := a.open()
	if err != nil {
		return err
	}
	if _, err := v.Lookup(sel); err != nil {
		return vault.About(sel, err)
	}
	if err := a.confirmWrite(ctx, sel, r, o.confirm); err != nil {
		return err
	}
	client := a.gateways(urls)(sel.Environment)
	client.Timeout, client.MaxElapsedTime = o.timeout, o.timeout
	reply, err := a.callAPI(ctx, v, client, sel, o.token.request(), r)
	used := vault.Activity{Selector: sel, Action: vault.ActionRequested, Method: r.Method, Path: r.Path}
	if reply != nil {
		used.Status = reply.Status
	}
	v.Log(used, err)
	if reply != nil {
		if reply.Rest != nil {
			defer reply.Rest.Close()
		}
		if err == nil || !o.fail {
			err = withPrinting(err, a.printReply(reply, o.include), r, reply.Status)
		}
	}
	return vault.About(sel, err)
}

// withPrinting joins the error of a call with that of printing its reply. A script
// that did not get the whole reply to a write must not take it for a failure.
func withPrinting(err, printing error, r kite.Request, status int) error {
	switch {
	case printing == nil:
		return err
	case !isWrite(r) || err != nil && !errors.Is(err, kite.ErrOutcomeUnknown):
		return errors.Join(err, printing)
	case err == nil:
		err = fmt.Errorf("the gateway answered %d; look the request up before you repeat it", status)
	}
	unread := cmp.Or(printing.Error(), "the program that reads the result has gone")
	return &codeError{exitUnknown, unread + "; " + err.Error(), err}
}

func isWrite(r kite.Request) bool {
	_, query, _ := strings.Cut(r.Path, "?")
	return kite.IsWrite(r.Method, query, r.Header)
}

// confirmWrite asks for the name of a live profile before a write, which may move
// money. It lets reads pass.
func (a *app) confirmWrite(ctx context.Context, sel vault.Selector, r kite.Request, confirmed string) error {
	if confirmed != "" && confirmed != sel.String() {
		return unconfirmedf("%s: --confirm names another profile; nothing was sent", sel)
	}
	if r.Method != http.MethodOptions && !isWrite(r) {
		return nil
	}
	return a.confirmLive(ctx, handout.Call, confirmed, sel)
}

// callAPI makes the call. If the gateway no longer accepts a cached token, it tries
// once more with a new one.
func (a *app) callAPI(ctx context.Context, v *vault.Vault, c *kite.Client, sel vault.Selector, req vault.TokenRequest, r kite.Request) (*kite.Reply, error) {
	tok, err := a.token(ctx, v, sel, req)
	if err != nil {
		return nil, err
	}
	reply, err := c.Do(ctx, tok.Token, r)
	if tok.Minted || reply == nil || !kite.IsTokenRefusal(err) {
		return reply, err
	}
	if isWrite(r) {
		if v.Forget(ctx, sel) == nil {
			a.note("%s: the cached token was not accepted and is forgotten; the next call mints a new one", sel)
		}
		return reply, err
	}
	if reply.Rest != nil {
		_ = reply.Rest.Close()
	}
	req.Fresh = true
	if tok, err = a.token(ctx, v, sel, req); err != nil {
		return nil, err
	}
	return c.Do(ctx, tok.Token, r)
}

// printReply writes a reply to stdout: unchanged for a program, indented and
// without control characters for a terminal.
func (a *app) printReply(reply *kite.Reply, include bool) error {
	out := bufio.NewWriter(a.Stdout)
	if include {
		fmt.Fprintf(out, "%s %d %s\n", reply.Proto, reply.Status, http.StatusText(reply.Status))
		for _, name := range slices.Sorted(maps.Keys(reply.Header)) {
			for _, value := range reply.Header[name] {
				fmt.Fprintf(out, "%s: %s\n", kite.CleanText(name), kite.CleanText(value))
			}
		}
		_ = out.WriteByte('\n')
	}
	body := io.Reader(bytes.NewReader(reply.Body))
	if reply.Rest != nil {
		body = io.MultiReader(body, reply.Rest)
	}
	var readErr error
	switch {
	case !isTerminal(a.Stdout):
		_, readErr = io.Copy(out, body)
	case reply.Rest != nil: // too large to be indented
		readErr = copyVisible(out, body)
	case json.Valid(reply.Body):
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, bytes.TrimSpace(reply.Body), "", "  ")
		_, _ = out.Write(escapeInvisible(pretty.Bytes()))
		_ = out.WriteByte('\n')
	default:
		for line := range strings.Lines(string(reply.Body)) {
			_, _ = out.WriteString(kite.CleanText(line) + "\n")
		}
	}
	if err := out.Flush(); err != nil {
		return writeError(err)
	}
	if readErr != nil {
		return &codeError{exitUnreachable, fmt.Sprintf("the reply is not complete: %v", readErr), readErr}
	}
	return nil
}

// copyVisible copies text without the characters that [movesText] finds, but with tabs
// and line breaks.
func copyVisible(out *bufio.Writer, in io.Reader) error {
	for r := bufio.NewReader(in); ; {
		c, _, err := r.ReadRune()
		if err == io.EOF {
			_ = out.WriteByte('\n')
			return nil
		}
		if err != nil {
			return err
		}
		if c == '\n' || c == '\t' || !movesText(c) {
			_, _ = out.WriteRune(c)
		}
	}
}

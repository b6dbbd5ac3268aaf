package kite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Client talks to one environment of Kitegateway. The zero value talks to the
// documented sandbox; every field is optional. A Client keeps connections open
// between calls, may be used by many goroutines at once, and must not be copied
// after first use.
type Client struct {
	// Environment chooses the documented host; the zero value is the sandbox.
	Environment Environment
	// BaseURL stands in for the documented one, version included. It must pass
	// [ParseBaseURL].
	BaseURL string
	// UserAgent is sent with every request; "kitekey" when empty.
	UserAgent string
	// Timeout bounds one attempt, from dialling to the last byte of the reply;
	// 10 s when 0.
	Timeout time.Duration
	// MaxElapsedTime bounds a whole call, attempts and the waits between them; 20 s
	// when 0.
	MaxElapsedTime time.Duration
	// Transport does single exchanges. Nil means one of its own: TLS as Go
	// verifies it, HTTP/2 and keep-alive, the usual proxy variables.
	Transport http.RoundTripper
	// Now is the local clock; time.Now when nil.
	Now func() time.Time

	// CAFile is a file with CA certificates in PEM that are trusted beside the
	// system's, read when the first connection is made. "" and a file that does not
	// exist mean none.
	CAFile string

	once  sync.Once
	owned http.RoundTripper
}

// Request is a call with a token.
type Request struct {
	Method string // "" = GET
	// Path is below the base URL and begins with a slash; it may have a query:
	// "/data/wallets/balances".
	Path string
	Body []byte // sent as it is; nil = none
	// Header is added to the request. Content-Type and Accept are JSON unless set
	// here. A header that [CheckHeader] refuses is an error.
	Header http.Header
	// Large takes a reply of any size: what is beyond 1 MiB is in Reply.Rest.
	Large bool
}

// Reply is the gateway's answer, unchanged.
type Reply struct {
	Proto   string // "HTTP/1.1", "HTTP/2.0"
	Status  int
	Header  http.Header
	Body    []byte        // at most 1 MiB (and a byte, when there is a Rest)
	Rest    io.ReadCloser // what follows Body, nil when that is all; the caller closes it
	Skew    time.Duration // the gateway's clock minus the local one; 0 when it did not say
	Latency time.Duration // of the attempt that got this reply
}

// Balance is what one wallet holds. Amounts are kept as the gateway wrote them:
// money is not for floating point.
type Balance struct {
	Currency string      `json:"currency"`
	Amount   json.Number `json:"balance"`
}

// BalancesPath is the path of the documented call that reads all wallets.
const BalancesPath = "/data/wallets/balances"

const opMint = "mint a token"

// gatewayLifetime is the documented life of a token when the request names none, in
// seconds.
const gatewayLifetime Lifetime = 900

// Host returns the host that c talks to, with the port if it is not the default
// one.
func (c *Client) Host() string {
	u, err := url.Parse(c.base())
	if err != nil {
		return "?"
	}
	return u.Host
}

// Origin returns the origin of the gateway that c talks to. A credential belongs to
// the origin that accepted it.
func (c *Client) Origin() Origin {
	if c.base() == c.Environment.BaseURL() {
		return OriginKitegateway
	}
	return OriginOverride
}

// Way returns a short mark for the way to the gateway: the base URL, the proxy and
// the CA in force. A failure of one client need not be that of a client with another
// way. The mark is a part of a hash, because a proxy's URL may hold a password.
func (c *Client) Way() string {
	h := sha256.New()
	_, _ = io.WriteString(h, c.base())
	if base, err := c.checkedBase(); err == nil && c.Origin() == OriginKitegateway {
		proxy, err := proxyFromEnvironment(&http.Request{URL: base})
		fmt.Fprintf(h, "\n%v\n%v\n", proxy, err)
	}
	if ca, err := ReadCA(c.CAFile); err == nil {
		_, _ = h.Write(ca)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

func (c *Client) base() string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	return c.Environment.BaseURL()
}

// Mint exchanges a credential for a token. expiresIn is the life to ask for; 0
// leaves it to the gateway, whose documented default is 15 minutes. The gateway
// may give another: Token.Expires is what it gave.
//
// Minting changes nothing that matters at the gateway, so it is repeated after a
// connection failure, 429, 502, 503 and 504, with growing waits or the one that
// Retry-After asks for.
func (c *Client) Mint(ctx context.Context, cred Credential, expiresIn Lifetime) (Token, error) {
	// Check the credential again: it may have been changed in the store, and it
	// becomes a header.
	cred, _, err := NewCredential(cred.APIKey, cred.APISecret)
	if err != nil {
		return Token{}, c.invalid(opMint, err)
	}
	defer cred.Erase()
	body := cred.APIKey.RevealJSON([]byte(`{"api_key":`))
	if expiresIn != 0 {
		body = fmt.Appendf(body, `,"expires_in":%d`, expiresIn)
	}
	body = append(body, '}')
	x := exchange{
		op:     opMint,
		method: http.MethodPost,
		path:   "/auth/token",
		// A header is a string, and net/http keeps copies of it until the connection is
		// closed.
		header:     http.Header{"Secret-Key": {cred.APISecret.Reveal()}},
		body:       body,
		repeatable: true,
		secrets:    []Secret{cred.APISecret, cred.APIKey},
	}
	reply, err := c.call(ctx, x)
	if err != nil {
		return Token{}, err
	}
	tok, err := readToken(reply, c.now(), expiresIn)
	if err != nil {
		return Token{}, &Error{Kind: ErrUnexpectedReply, Host: c.Host(), Op: opMint, Status: reply.Status, Skew: reply.Skew, Err: err}
	}
	return tok, nil
}

// readToken takes the token out of a mint's reply.
func readToken(reply *Reply, now time.Time, expiresIn Lifetime) (Token, error) {
	e, _ := parseEnvelope(reply.Body) // call has checked the envelope
	defer clear(e.Data)
	var data tokenData
	if json.Unmarshal(e.Data, &data) != nil {
		return Token{}, errors.New("a reply without a token")
	}
	value, err := parseToken(data.Token)
	if err != nil {
		return Token{}, err
	}
	expires, ok, err := parseExpires(data.Expires)
	if err != nil {
		return Token{}, err
	}
	skew := reply.Skew
	if ok && isAbsurd(skew, expires.Sub(now), cmp.Or(expiresIn, gatewayLifetime).Duration()) {
		skew = 0
	}
	gatewayNow := now.Add(skew)
	if !ok { // assume the life that was asked for
		expires = gatewayNow.Add(cmp.Or(expiresIn, gatewayLifetime).Duration()).Truncate(time.Second)
	}
	// A token that lives for one second may have expired when it arrives, and both
	// clocks count whole seconds. That is not an error.
	if expires.Before(gatewayNow.Add(-reply.Latency - time.Second)) {
		return Token{}, fmt.Errorf("a token that expired %v before it arrived", gatewayNow.Sub(expires).Round(time.Second))
	}
	return Token{Value: value, Expires: expires.UTC(), Minted: now.Round(0), Requested: expiresIn, Skew: skew}, nil
}

// isAbsurd reports whether the skew that a Date header showed is the header's fault: by
// it a token lives more than a day longer than was asked for, or expired more than a
// day ago, and by the local clock it does neither. left is its life by the local clock.
func isAbsurd(skew, left, asked time.Duration) bool {
	const day = 24 * time.Hour
	return (left-skew > asked+day || left-skew < -day) && left > 0 && left <= asked+day
}

// Do makes any other call. Whenever the gateway answered, Do returns a Reply, if
// need be together with an error. Every status except 2xx is an error, and so is a
// 2xx whose body is not Kitegateway's JSON.
//
// A request that is not a write ([IsWrite]) is repeated as in [Client.Mint]. Writes
// move money, so Do sends them again only if no connection was made and the gateway
// cannot have seen them. It does not repeat them after a 429 either, because the
// mobile-money operators behind the gateway have limits of their own. If no answer
// says whether a write was carried out, the error is [ErrOutcomeUnknown], even if
// the caller gave up meanwhile.
func (c *Client) Do(ctx context.Context, tok Token, r Request) (*Reply, error) {
	method := strings.ToUpper(r.Method)
	if method == "" {
		method = http.MethodGet
	}
	x := exchange{
		op:         method + " " + truncate(CleanText(pathOnly(r.Path)), 100),
		method:     method,
		path:       r.Path,
		header:     http.Header{},
		body:       r.Body,
		repeatable: !IsWrite(method, queryOnly(r.Path), r.Header),
		large:      r.Large,
		secrets:    []Secret{tok.Value},
	}
	value, err := parseToken(tok.Value)
	if err != nil {
		return nil, c.invalid(x.op, errors.New("malformed token"))
	}
	if err := CheckPath(r.Path); err != nil {
		return nil, c.invalid(x.op, err)
	}
	if !isHTTPToken(method) {
		return nil, c.invalid("", errors.New("invalid HTTP method"))
	}
	for name, values := range r.Header {
		if err := CheckHeader(name, values...); err != nil {
			return nil, c.invalid(x.op, err)
		}
		name = http.CanonicalHeaderKey(name)
		x.header[name] = append(x.header[name], values...)
	}
	x.header.Set("Authorization", value.Reveal())
	return c.call(ctx, x)
}

// CheckHeader reports why a header cannot be sent. net/http rejects an invalid one
// with an error that would look as if the gateway could not be reached, and leaves
// out or replaces those that belong to the connection.
func CheckHeader(name string, values ...string) error {
	if !isHTTPToken(name) {
		return errors.New("invalid header name")
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Authorization", "Secret-Key":
		return fmt.Errorf("the header %s is set by kitekey", name)
	case "Host", "Content-Length", "Connection", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Keep-Alive",
		"Expect", "Accept-Encoding", "Proxy-Authorization", "Proxy-Connection":
		return fmt.Errorf("the header %s belongs to the connection and cannot be chosen", name)
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("the header %s has a control character in its value", name)
		}
	}
	return nil
}

// isHTTPToken reports whether s is a token of RFC 9110, section 5.6.2.
func isHTTPToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func queryOnly(p string) string {
	_, query, _ := strings.Cut(p, "?")
	return query
}

func pathOnly(p string) string {
	p, _, _ = strings.Cut(p, "?")
	return p
}

// CheckPath reports why a [Request] cannot have a path, perhaps with a query: it
// must stay below the base URL however a server reads it.
func CheckPath(p string) error {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return errors.New("the path must begin with one slash, as in /data/wallets/balances")
	}
	u, err := url.Parse(p)
	if err != nil || u.Fragment != "" || strings.ContainsAny(p, "\\ #") {
		return errors.New("invalid path")
	}
	// Check each layer of escapes: some servers decode a path more than once.
	for plain := u.Path; ; {
		if clean := path.Clean(plain); clean != plain && clean+"/" != plain {
			return errors.New("the path must not have . or .. or empty steps")
		}
		if strings.ContainsFunc(plain, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
			return errors.New("the path must not have backslashes or control characters")
		}
		next, err := url.PathUnescape(plain)
		if err != nil || next == plain {
			return nil
		}
		plain = next
	}
}

// Balances returns the balance of every wallet. It changes nothing, so it is the
// way to check that the gateway accepts a token.
func (c *Client) Balances(ctx context.Context, tok Token) ([]Balance, error) {
	reply, err := c.Do(ctx, tok, Request{Path: BalancesPath})
	if err != nil {
		return nil, err
	}
	var balances []Balance
	e, _ := parseEnvelope(reply.Body)
	if err := json.Unmarshal(e.Data, &balances); err != nil {
		return nil, &Error{Kind: ErrUnexpectedReply, Host: c.Host(), Op: "GET " + BalancesPath, Status: reply.Status, Skew: reply.Skew,
			Err: errors.New("data that is not a list of balances")}
	}
	for i := range balances {
		balances[i].Currency = CleanText(balances[i].Currency)
	}
	return balances, nil
}

// CloseIdleConnections closes the connections that are kept for a next call.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.owned.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

func (c *Client) invalid(step string, err error) error {
	return &Error{Kind: ErrInvalid, Host: c.Host(), Op: step, Err: err}
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Ping checks whether Kitegateway answers, and measures how far its clock is from
// the local one. It sends no credential, so a 401 in Kitegateway's format means
// success.
func (c *Client) Ping(ctx context.Context) (*Reply, error) {
	reply, err := c.call(ctx, exchange{method: http.MethodGet, path: BalancesPath, header: http.Header{}, repeatable: true, once: true})
	if errors.Is(err, ErrRefused) {
		err = nil
	}
	return reply, err
}

package simulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kitekey/kite"
)

const (
	defaultLife = 900 * time.Second // documented
	maxRequest  = 1 << 20

	invalidRequest = "kitegateway_rest_invalid_request" // the code of a 400
)

// claims are the contents of a token. Those of Kitegateway's own tokens are not
// documented.
type claims struct {
	Environment string `json:"env"`
	Role        string `json:"role"`
	Generation  int    `json:"gen"` // of tokens: see Simulator.Revoke
	jwt.RegisteredClaims
}

// call is a request on its way through the simulator.
type call struct {
	profile
	w        http.ResponseWriter
	r        *http.Request
	body     []byte
	behavior Behavior
	now      time.Time // by the gateway's clock
	status   int
}

func (s *Simulator) routes() {
	for env, prefix := range map[kite.Environment]string{kite.Sandbox: "/v1", kite.Live: "/live/v1"} {
		s.mux.HandleFunc("POST "+prefix+"/auth/token", s.serve(env, s.fromBody, s.mint))
		s.mux.HandleFunc("GET "+prefix+"/data/wallets/balances", s.serve(env, s.fromToken, s.balances))
		s.mux.HandleFunc("GET "+prefix+"/data/wallets/{currency}/balance", s.serve(env, s.fromToken, s.balance))
		s.mux.HandleFunc("POST "+prefix+"/collections/request-to-pay", s.serve(env, s.fromToken, s.requestToPay))
		s.mux.HandleFunc("GET "+prefix+"/transactions/send-callback/{reference}", s.serve(env, s.fromToken, s.sendCallback))
		s.mux.HandleFunc(prefix, s.serve(env, unknownCaller, s.notFound))
		s.mux.HandleFunc(prefix+"/", s.serve(env, unknownCaller, s.notFound))
	}
	s.mux.HandleFunc("/", s.serve(kite.Sandbox, unknownCaller, s.notFound))
}

// ServeHTTP implements [http.Handler].
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if kite.CheckPath(r.URL.EscapedPath()) != nil {
		// The mux would redirect to a path without empty steps and dots.
		s.serve(kite.Sandbox, unknownCaller, s.notFound)(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// serve wraps what every request has in common: recognising the caller, counting,
// and the behavior that is set for it.
func (s *Simulator) serve(env kite.Environment, who func(*call) string, handle func(*call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, profile: profile{environment: env}}
		var tooLarge *http.MaxBytesError
		var err error
		c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		c.account = who(c)
		s.count(c.profile, Counts{Requests: 1})
		var limited bool
		var wait time.Duration
		c.behavior, limited, wait = s.treatment(c.profile)
		if s.log != nil {
			defer func() {
				s.log(Record{s.now(), kite.CleanText(r.Method), kite.PathTemplate(r.URL.Path), c.account, env, c.status})
			}()
		}
		if !s.pause(r.Context(), c.behavior.Latency) {
			panic(http.ErrAbortHandler)
		}
		c.now = s.now().Add(c.behavior.Skew)
		h := w.Header()
		h.Set("Date", c.now.UTC().Format(http.TimeFormat))
		h.Set("Cache-Control", "no-store")
		switch {
		case errors.As(err, &tooLarge):
			c.fail(http.StatusRequestEntityTooLarge, invalidRequest, "The body is larger than 1 MiB, a limit of the simulator's own.")
		case limited:
			setRetryAfter(h, c.behavior, c.now, wait)
			c.fail(http.StatusTooManyRequests, "kitegateway_rest_too_many_requests", "Too many requests.")
		case c.behavior.Failure != NoFailure:
			s.misbehave(c)
		default:
			handle(c)
		}
	}
}

// unknownCaller is the caller of a path that does not exist.
func unknownCaller(*call) string { return "" }

// fromBody recognises a merchant by the api_key of a mint.
func (s *Simulator) fromBody(c *call) string {
	key, _, _ := c.mintBody()
	for _, m := range s.merchants {
		if m.Environment == c.environment && key != "" && m.Credential.APIKey.Equal(kite.NewSecret(key)) {
			return m.Account
		}
	}
	return ""
}

// fromToken recognises a merchant by a token that the simulator signed, expired or
// not.
func (s *Simulator) fromToken(c *call) string {
	found, err := s.parse(c, jwt.WithoutClaimsValidation())
	if err != nil {
		return ""
	}
	return found.Subject
}

func (s *Simulator) parse(c *call, options ...jwt.ParserOption) (*claims, error) {
	scheme, signed, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "JWT") {
		return nil, errors.New("no JWT")
	}
	found := &claims{}
	_, err := jwt.ParseWithClaims(signed, found, func(*jwt.Token) (any, error) { return s.key, nil },
		append(options, jwt.WithValidMethods([]string{"HS256"}))...)
	if err == nil && found.Environment != string(c.environment) {
		err = errors.New("another environment's token")
	}
	return found, err
}

// mintBody reads a mint's body: JSON, as documented, or the form that
// Kitegateway's own WooCommerce plugin posts.
func (c *call) mintBody() (key string, life time.Duration, err error) {
	var fields struct {
		Key       string          `json:"api_key"`
		ExpiresIn json.RawMessage `json:"expires_in"`
	}
	if c.contentType() == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return "", 0, errors.New("The body is not a form.")
		}
		fields.Key, fields.ExpiresIn = form.Get("api_key"), json.RawMessage(form.Get("expires_in"))
	} else if err := c.decode(&fields); err != nil {
		return "", 0, err
	}
	if fields.Key == "" {
		return "", 0, errors.New("api_key is required.")
	}
	life = defaultLife
	if len(fields.ExpiresIn) > 0 && string(fields.ExpiresIn) != "null" {
		n, err := strconv.ParseInt(string(fields.ExpiresIn), 10, 64)
		if err != nil || n <= 0 || n > math.MaxUint32 {
			return fields.Key, 0, errors.New("expires_in must be a positive number of seconds.")
		}
		life = time.Duration(n) * time.Second
	}
	return fields.Key, life, nil
}

func (c *call) contentType() string {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	return kind
}

// decode reads the body, a JSON object, into a struct. Its error says what the
// documentation does not allow. Unlike [json.Unmarshal] it tells upper from lower
// case in the fields' names.
func (c *call) decode(fields any) error {
	if c.contentType() != "application/json" {
		return errors.New("Content-Type must be application/json.")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(c.body, &object) != nil || object == nil {
		return errors.New("The body is not the expected JSON object.")
	}
	for name := range object {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			delete(object, name)
		}
	}
	documented, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(documented, fields)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s must be a %s.", wrong.Field, wrong.Type)
	}
	return err
}

// accepts reports whether the caller's account has this credential. As at Kitegateway
// it may have two, so that one can replace the other without a gap.
func (s *Simulator) accepts(c *call, key, secret string) bool {
	return slices.ContainsFunc(s.merchants, func(m Merchant) bool {
		return m.Account == c.account && m.Environment == c.environment &&
			m.Credential.APIKey.Equal(kite.NewSecret(key)) && m.Credential.APISecret.Equal(kite.NewSecret(secret))
	})
}

func (s *Simulator) mint(c *call) {
	key, life, err := c.mintBody()
	if err != nil {
		c.fail(http.StatusBadRequest, invalidRequest, err.Error())
		return
	}
	if c.behavior.Refuse || !s.accepts(c, key, c.r.Header.Get("Secret-Key")) {
		c.fail(http.StatusUnauthorized, "kitegateway_rest_authentication_error", "Invalid API key or secret.")
		return
	}
	if c.behavior.MaxLife > 0 {
		life = min(life, c.behavior.MaxLife)
	}
	expires := jwt.NewNumericDate(c.now.Add(life))
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Environment: string(c.environment),
		Role:        "merchant",
		Generation:  s.generation(c.profile),
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    "kitegateway-simulator",
			Subject:   c.account,
			IssuedAt:  jwt.NewNumericDate(c.now),
			ExpiresAt: expires,
			ID:        rand.Text(),
		},
	}).SignedString(s.key)
	if err != nil {
		c.fail(http.StatusInternalServerError, "kitegateway_rest_server_error", "Could not sign the token.")
		return
	}
	s.count(c.profile, Counts{Mints: 1})
	c.succeed(http.StatusOK, "Token generated", map[string]any{"token": "JWT " + signed, "expires": expires.Unix()})
}

// authorized answers 401 and returns false unless the call has an unexpired token.
func (s *Simulator) authorized(c *call) bool {
	found, err := s.parse(c, jwt.WithTimeFunc(func() time.Time { return c.now }), jwt.WithExpirationRequired())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		c.fail(http.StatusUnauthorized, "kitegateway_rest_token_expired", "The token has expired.")
	case err != nil || c.behavior.Refuse || found.Generation != s.generation(c.profile):
		c.fail(http.StatusUnauthorized, "kitegateway_rest_authentication_error", "Invalid token.")
	default:
		s.count(c.profile, Counts{Calls: 1})
		return true
	}
	return false
}

func (s *Simulator) wallets(c *call) []kite.Balance {
	for _, m := range s.merchants {
		if m.Account == c.account && m.Environment == c.environment {
			return m.Balances
		}
	}
	return nil
}

func (s *Simulator) balances(c *call) {
	if s.authorized(c) {
		c.succeed(http.StatusOK, "Balances", append([]kite.Balance{}, s.wallets(c)...))
	}
}

func (s *Simulator) balance(c *call) {
	if !s.authorized(c) {
		return
	}
	for _, b := range s.wallets(c) {
		if strings.EqualFold(b.Currency, c.r.PathValue("currency")) {
			c.succeed(http.StatusOK, "Balance", b)
			return
		}
	}
	s.notFound(c)
}

func (s *Simulator) notFound(c *call) {
	c.fail(http.StatusNotFound, "kitegateway_rest_term_invalid", "Resource doesn't exist.")
}

func (c *call) succeed(status int, message string, data any) {
	c.answer(status, map[string]any{"code": status, "status": "success", "message": message, "data": data})
}

func (c *call) fail(status int, code, message string) {
	c.failWith(status, code, message, map[string]any{})
}

func (c *call) failWith(status int, code, message string, data map[string]any) {
	c.answer(status, map[string]any{"code": code, "status": "error", "message": message, "data": data})
}

func (c *call) answer(status int, envelope map[string]any) {
	body, err := json.Marshal(envelope)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":"kitegateway_rest_server_error","status":"error","message":"","data":{}}`)
	}
	c.write(status, "application/json", body)
}

func (c *call) write(status int, contentType string, body []byte) {
	c.status = status
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body)
}

// page answers with an HTML page, as web servers in front of a gateway do.
func (c *call) page(status int, title string) {
	c.write(status, "text/html; charset=utf-8", fmt.Appendf(nil, "<!doctype html><title>%s</title><h1>%s</h1>\n", title, title))
}

// misbehave fails in the way that the behavior names.
func (s *Simulator) misbehave(c *call) {
	switch c.behavior.Failure {
	case InternalError:
		c.fail(http.StatusInternalServerError, "kitegateway_rest_server_error", "Something went wrong.")
	case BadGateway:
		c.page(http.StatusBadGateway, "502 Bad Gateway")
	case Unavailable:
		setRetryAfter(c.w.Header(), c.behavior, c.now, 0)
		c.page(http.StatusServiceUnavailable, "503 Service Unavailable")
	case HTMLPage:
		c.page(http.StatusOK, "Please sign in to this network")
	case Forbidden:
		c.page(http.StatusForbidden, "403 Forbidden")
	case ErrorInSuccess:
		c.answer(http.StatusOK, map[string]any{"code": "kitegateway_rest_term_invalid", "status": "error", "message": "Resource doesn't exist.", "data": map[string]any{}})
	case Redirect:
		c.w.Header().Set("Location", c.behavior.RedirectTo)
		c.page(http.StatusFound, "302 Found")
	case Endless:
		c.stream(bytes.Repeat([]byte(`"never","ending",`), 1000), func(context.Context) bool { return true })
	case SlowBody:
		c.stream([]byte(" "), func(ctx context.Context) bool { return s.pause(ctx, 50*time.Millisecond) })
	case Hang:
		s.pause(c.r.Context(), math.MaxInt64)
		panic(http.ErrAbortHandler)
	default: // Drop
		panic(http.ErrAbortHandler)
	}
}

// stream writes chunk after chunk until the client hangs up or next is false.
func (c *call) stream(chunk []byte, next func(context.Context) bool) {
	c.status = http.StatusOK
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(c.w, `{"code":200,"status":"success","data":[`)
	flush := http.NewResponseController(c.w)
	for {
		if _, err := c.w.Write(chunk); err != nil || flush.Flush() != nil || !next(c.r.Context()) {
			panic(http.ErrAbortHandler)
		}
	}
}

// Package sourcetest is for tests of sources: a server that keeps to the
// documentation of OpenBao's and HashiCorp Vault's API as far as kitekey uses it,
// and a suite that checks this server and a real one.
package sourcetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// RootToken is a token with every right at a [Server].
const RootToken = "hvs.stand-in-root-token"

// Server is an engine in this process: mounts of both versions of the KV secrets
// engine, policies, tokens, AppRole and rate limits. It keeps everything in memory,
// and has no mount at first.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	now      func() time.Time
	knobs    Knobs
	mounts   map[string]*mount
	policies map[string][]rule
	tokens   map[string]*token
	roles    map[string]*role
	quotas   map[string]*quota
	sealed   bool
	serial   int
	requests []string
}

// Knobs are the faults of a server.
type Knobs struct {
	Status  int           // of every reply, health's included: 472, 473, 500…
	Message string        // in its errors
	Page    string        // answer with this web page, as a proxy does
	Standby string        // redirect to this address, as a standby node does
	Latency time.Duration // before every reply
	Drop    string        // carry out a request of this method, and break the connection before the reply
	Healthy int           // status of sys/health only; 0 means the real one
	Limit   int           // answer so many requests with 429 first
	After   string        // Retry-After of those
}

type quota struct {
	path string
	rate float64
	left float64
	at   time.Time
}

// New starts a server on a loopback address. now is its clock; nil means time.Now.
func New(now func() time.Time) *Server {
	s := newServer(now)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// NewTLS starts a server with TLS. Its certificate is its own authority.
func NewTLS(now func() time.Time) *Server {
	s := newServer(now)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	return s
}

func newServer(now func() time.Time) *Server {
	if now == nil {
		now = time.Now
	}
	return &Server{
		now: now, mounts: map[string]*mount{}, roles: map[string]*role{}, quotas: map[string]*quota{},
		policies: map[string][]rule{"default": {
			{"auth/token/lookup-self", []string{"read"}}, {"auth/token/renew-self", []string{"update"}}, {"sys/capabilities-self", []string{"update"}},
		}},
		tokens: map[string]*token{RootToken: {policies: []string{"root"}}},
	}
}

// Set changes the server's faults.
func (s *Server) Set(k Knobs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.knobs = k
}

// Requests returns the method and path of every request since the last call.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.requests
	s.requests = nil
	return list
}

// Unseal opens a sealed server.
func (s *Server) Unseal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = false
}

// answer is a status and a body, which may be nil.
type answer struct {
	status int
	body   any
}

func fail(status int, messages ...string) answer {
	if messages == nil {
		messages = []string{}
	}
	return answer{status, map[string]any{"errors": messages}}
}

func data(v any) answer { return answer{200, map[string]any{"data": v}} }

var (
	refused = fail(403, "1 error occurred:\n\t* permission denied\n\n")
	unknown = fail(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	done    = answer{204, nil}
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	s.mu.Lock()
	k := s.knobs
	limited := k.Limit > 0
	if limited {
		s.knobs.Limit--
	}
	s.requests = append(s.requests, r.Method+" "+path)
	s.mu.Unlock()
	if k.Latency > 0 {
		select {
		case <-time.After(k.Latency):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	var a answer
	switch {
	case k.Page != "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if k.Status != 0 {
			w.WriteHeader(k.Status)
		}
		_, _ = io.WriteString(w, k.Page)
		return
	case k.Standby != "":
		w.Header().Set("Location", k.Standby+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case k.Healthy != 0 && path == "sys/health":
		a = answer{k.Healthy, map[string]any{"version": "stand-in"}}
	case limited:
		if k.After != "" {
			w.Header().Set("Retry-After", k.After)
		}
		a = fail(429, `request path "`+path+`": rate limit quota exceeded`)
	case k.Status != 0:
		a = fail(k.Status, k.Message)
	default:
		s.mu.Lock()
		a = s.handle(r, path, body)
		s.mu.Unlock()
	}
	if k.Drop == r.Method {
		if h, ok := w.(http.Hijacker); ok {
			if c, _, err := h.Hijack(); err == nil {
				_ = c.Close()
				return
			}
		}
	}
	w.WriteHeader(a.status)
	if a.body != nil {
		_ = json.NewEncoder(w).Encode(a.body)
	}
}

// input has the fields of all request bodies.
type input struct {
	Type        string                     `json:"type"`
	Options     map[string]any             `json:"options"`
	Policy      string                     `json:"policy"`
	Policies    []string                   `json:"policies"`
	TTL         string                     `json:"ttl"`
	Token       string                     `json:"token"`
	TokenPolicy string                     `json:"token_policies"`
	TokenTTL    string                     `json:"token_ttl"`
	RoleID      string                     `json:"role_id"`
	SecretID    string                     `json:"secret_id"`
	Paths       []string                   `json:"paths"`
	Path        string                     `json:"path"`
	Rate        float64                    `json:"rate"`
	Versions    []int                      `json:"versions"`
	Custom      map[string]string          `json:"custom_metadata"`
	Data        map[string]json.RawMessage `json:"data"`
}

func (s *Server) handle(r *http.Request, path string, body []byte) answer {
	var in input
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return fail(400, "error parsing JSON")
	}
	if path == "sys/health" {
		status := 200
		if s.sealed {
			status = 503
		}
		return answer{status, map[string]any{"initialized": true, "sealed": s.sealed, "standby": s.sealed, "version": "stand-in"}}
	}
	if s.sealed {
		return fail(503, "Vault is sealed")
	}
	for _, q := range s.quotas {
		if strings.HasPrefix(path, q.path) && !q.take(s.now()) {
			return fail(429, `request path "`+path+`": rate limit quota exceeded`)
		}
	}
	if name, ok := strings.CutSuffix(path, "/login"); ok && strings.HasPrefix(name, "auth/") {
		if name != "auth/approle" {
			return fail(403, "permission denied") // the same as for requests without a token
		}
		return s.login(in.RoleID, in.SecretID)
	}
	id := r.Header.Get("X-Vault-Token")
	if id == "" {
		return fail(403, "permission denied")
	}
	t := s.tokens[id]
	if t == nil || !t.expires.IsZero() && !t.expires.After(s.now()) {
		return unknown
	}
	if name, ok := strings.CutPrefix(path, "sys/internal/ui/mounts/"); ok {
		return s.mountInfo(t, name)
	}
	write := r.Method == http.MethodPost || r.Method == http.MethodPut
	capability := map[string]string{"GET": "read", "POST": "update", "PUT": "update", "DELETE": "delete", "LIST": "list"}[r.Method]
	if r.URL.Query().Get("list") == "true" {
		capability = "list"
	}
	m, rest := s.mountOf(path)
	if write && m != nil && !m.exists(rest) {
		capability = "create"
	}
	if !s.allowed(t, path, capability) {
		return refused
	}
	if a, ok := s.system(t, id, path, write, in); ok {
		return a
	}
	if m == nil {
		return fail(404, `no handler for route "`+path+`". route entry not found.`)
	}
	if m.version == 1 {
		return m.one(capability, rest, body)
	}
	cas := -1
	if n, ok := in.Options["cas"].(float64); ok {
		cas = int(n)
	}
	if name, ok := strings.CutPrefix(rest, "metadata/"); ok && write {
		if m.secrets[name] == nil {
			return fail(404)
		}
		m.secrets[name].custom = in.Custom
		return done
	}
	return m.two(s.now(), capability, rest, in.Data, cas, in.Versions)
}

// system handles the paths that belong to the server itself: sys/ and auth/. ok is
// false for other paths.
func (s *Server) system(t *token, id, path string, write bool, in input) (a answer, ok bool) {
	switch {
	case path == "sys/seal" && write:
		s.sealed = true
		return done, true
	case strings.HasPrefix(path, "sys/mounts/") && write:
		n := 1
		if in.Options["version"] == "2" {
			n = 2
		}
		s.mounts[strings.TrimPrefix(path, "sys/mounts/")] = &mount{n, map[string]*secret{}}
		return done, true
	case strings.HasPrefix(path, "sys/policies/acl/") && write:
		s.policies[strings.TrimPrefix(path, "sys/policies/acl/")] = parsePolicy(in.Policy)
		return done, true
	case strings.HasPrefix(path, "sys/quotas/rate-limit/") && write:
		s.quotas[path] = &quota{path: in.Path, rate: in.Rate, left: in.Rate, at: s.now()}
		return done, true
	case path == "sys/capabilities-self" && write:
		can := map[string]any{}
		for _, p := range in.Paths {
			can[p] = s.capabilities(t, p)
			can["capabilities"] = can[p]
		}
		can["data"] = maps.Clone(can)
		return answer{200, can}, true
	case path == "auth/token/create" && write:
		return s.createToken(append([]string{"default"}, in.Policies...), in.TTL), true
	case path == "auth/token/revoke" && write:
		delete(s.tokens, in.Token)
		return done, true
	case path == "auth/token/lookup-self":
		ttl := int64(0)
		if !t.expires.IsZero() {
			ttl = int64(t.expires.Sub(s.now()) / time.Second)
		}
		return data(map[string]any{"ttl": ttl, "renewable": t.renewable, "policies": t.policies}), true
	case path == "auth/token/renew-self" && write:
		if !t.renewable {
			return fail(400, "lease is not renewable"), true
		}
		t.expires = s.now().Add(t.ttl)
		return s.auth(id, t), true
	case path == "sys/auth/approle" && write:
		return done, true
	case strings.HasPrefix(path, "auth/approle/role/"):
		return s.appRole(strings.TrimPrefix(path, "auth/approle/role/"), write, in.TokenPolicy, in.TokenTTL), true
	}
	return answer{}, false
}

func (q *quota) take(now time.Time) bool {
	q.left = min(q.rate, q.left+q.rate*now.Sub(q.at).Seconds())
	q.at = now
	if q.left < 1 {
		return false
	}
	q.left--
	return true
}

func (s *Server) next(what string) string {
	s.serial++
	return fmt.Sprintf("%s.stand-in-%06d", what, s.serial)
}

// mountInfo describes the mount at a path or, as the engines do, above it.
func (s *Server) mountInfo(t *token, name string) answer {
	for s.mounts[name] == nil && strings.Contains(name, "/") {
		name = name[:strings.LastIndex(name, "/")]
	}
	m := s.mounts[name]
	seen := slices.Contains(t.policies, "root")
	for _, p := range t.policies {
		for _, r := range s.policies[p] {
			seen = seen || strings.HasPrefix(r.path, name+"/")
		}
	}
	if m == nil || !seen {
		return fail(403, `preflight capability check returned 403, please ensure client's policies grant access to path "`+name+`/"`)
	}
	return data(map[string]any{"type": "kv", "path": name + "/", "options": map[string]string{"version": fmt.Sprint(m.version)}})
}

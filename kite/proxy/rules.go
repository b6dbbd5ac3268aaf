package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"kitekey/kite"
)

// Rule is a kind of request that may pass: "POST /collections/*".
type Rule struct {
	method string
	steps  []string // of the path; "*" stands for any one step, or at the end for all that follow
}

// ParseRule reads a method and a path below the base URL. A * in the path stands
// for one step, or at its end for everything below. GET includes HEAD.
func ParseRule(s string) (Rule, error) {
	method, path, ok := strings.Cut(strings.TrimSpace(s), " ")
	path = strings.TrimSpace(path)
	method = strings.ToUpper(method)
	switch method {
	case "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE":
	default:
		ok = false
	}
	if !ok || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "? ") || kite.CheckPath(path) != nil || !plain(path) {
		return Rule{}, fmt.Errorf("%q is not METHOD /path, as in \"GET /data/*\"", s)
	}
	return Rule{method, strings.Split(path[1:], "/")}, nil
}

// allows reports whether the rule lets a request pass. path has no escapes.
func (r Rule) allows(method, path string) bool {
	if method != r.method && !(method == http.MethodHead && r.method == http.MethodGet) {
		return false
	}
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, want := range r.steps {
		last := i == len(r.steps)-1
		switch {
		case i >= len(steps) || steps[i] == "":
			return false
		case want == "*" && last:
			return true
		case want != "*" && want != steps[i]:
			return false
		}
	}
	return len(steps) == len(r.steps)
}

// plain reports whether every server reads an escaped path alike: it has no
// parameters (;), no escaped escape and no escaped slash.
func plain(escaped string) bool {
	lower := strings.ToLower(escaped)
	for _, odd := range []string{";", "%3b", "%25", "%2f", "%5c", "%00"} {
		if strings.Contains(lower, odd) {
			return false
		}
	}
	return true
}

// Some servers take another path or another method from these headers. Servers that
// pass headers on as variables treat "_" in a name as "-".
var (
	pathHeaders   = map[string]bool{"x-original-url": true, "x-rewrite-url": true, "x-original-uri": true, "x-rewrite-uri": true}
	methodHeaders = map[string]bool{"x-http-method-override": true, "x-http-method": true, "x-method-override": true, "x-method": true}
)

func normalName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// overridesPath reports whether a header names another path.
func overridesPath(h http.Header) bool {
	for name := range h {
		if pathHeaders[normalName(name)] {
			return true
		}
	}
	return false
}

// overridesMethod reports whether a header or the query names another method.
func overridesMethod(r *http.Request) bool {
	for name := range r.Header {
		if methodHeaders[normalName(name)] {
			return true
		}
	}
	for _, field := range strings.FieldsFunc(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(field, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if name = normalName(name); name == "-method" || methodHeaders[name] {
			return true
		}
	}
	return false
}

// isForm reports whether a body is a form, in which a field may name another
// method.
func isForm(h http.Header) bool {
	for _, kind := range h.Values("Content-Type") {
		kind = strings.ToLower(kind)
		if strings.Contains(kind, "form") {
			return true
		}
	}
	return false
}

// restricted reports whether ReadOnly or Allow refuses a request. path has no
// escapes.
func (p *Proxy) restricted(r *http.Request, path string) bool {
	if !p.readOnly && len(p.allow) == 0 {
		return false
	}
	if overridesMethod(r) || p.readOnly && !kite.IsSafe(r.Method) || isForm(r.Header) {
		return true
	}
	if len(p.allow) == 0 {
		return false
	}
	for _, rule := range p.allow {
		if rule.allows(r.Method, path) {
			return false
		}
	}
	return true
}

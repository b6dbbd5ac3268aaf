package proxy

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

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
	if !ok || !slices.Contains(kite.Methods(), method) || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "? ") || kite.CheckPath(path) != nil || !plain(path) {
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
// parameters (;), no escaped escape, slash or zero, no broken UTF-8, no characters
// that some servers take for a dot or a slash, and no step that ends with a dot or
// a space, which Windows leaves out.
func plain(escaped string) bool {
	lower := strings.ToLower(escaped)
	for _, odd := range []string{";", "%3b", "%25", "%2f", "%5c", "%00"} {
		if strings.Contains(lower, odd) {
			return false
		}
	}
	path, err := url.PathUnescape(escaped)
	if err != nil || !utf8.ValidString(path) || strings.ContainsFunc(path, standsForASCII) {
		return false
	}
	for step := range strings.SplitSeq(path, "/") {
		if strings.TrimRight(step, ". ") != step {
			return false
		}
	}
	return true
}

// standsForASCII reports whether a character becomes an ASCII one when a server
// normalises it: full-width forms, leaders of dots, and slashes.
func standsForASCII(r rune) bool {
	return r >= 0xFF01 && r <= 0xFF5E || r >= 0x2024 && r <= 0x2026 || r == 0x2044 || r == 0x2215 || r == 0xFE52 || r == 0xFE68
}

// isJSON reports whether a request's body is JSON, as each of the gateway's is. A
// form may have a field that names another method.
func isJSON(h http.Header) bool {
	for _, value := range h.Values("Content-Type") {
		kind, params, err := mime.ParseMediaType(value)
		charset := strings.ToLower(params["charset"])
		switch {
		case value == "":
		case err != nil, kind != "application/json" && !strings.HasSuffix(kind, "+json"), charset != "" && charset != "utf-8":
			return false
		}
	}
	return true
}

// isPlainJSON reports whether a body is empty, or JSON without a field that names
// another method. Any other body, such as one that is compressed or in UTF-16, may
// have one that only the gateway would see.
func isPlainJSON(body []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return len(body) == 0 || json.Valid(body) // a list has no fields
	}
	for name := range fields {
		if kite.NamesMethod(name) {
			return false
		}
	}
	return true
}

// restricted reports whether ReadOnly or Allow refuses a request. path has no
// escapes.
func (p *Proxy) restricted(r *http.Request, path string) bool {
	if !p.readOnly && len(p.allow) == 0 {
		return false
	}
	safe := kite.IsSafe(r.Method)
	// A server may take a method out of a body, so a read must have none.
	if kite.OverridesMethod(r.Header, r.URL.RawQuery) || p.readOnly && !safe || safe && r.ContentLength != 0 || !isJSON(r.Header) {
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

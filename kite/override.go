package kite

import (
	"net/http"
	"net/url"
	"strings"
)

// IsWrite reports whether a request may change something at the gateway: its method
// is not safe ([IsSafe]), or it names another method or path.
func IsWrite(method, rawQuery string, h http.Header) bool {
	return !IsSafe(method) || OverridesMethod(h, rawQuery) || OverridesPath(h)
}

// mentions reports whether name contains part, a lower-case word, in any case. It is
// asked about every header of every request, so it allocates nothing.
func mentions(name, part string) bool {
	for i := 0; i+len(part) <= len(name); i++ {
		if strings.EqualFold(name[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// normalName returns a name of a header or field as the most lenient server reads
// it: without spaces and zeros before it, up to a bracket, in lower case, and with
// "-" for each other sign. Servers that pass headers on as variables do not tell
// "-", "_" and "." apart.
func normalName(name string) string {
	name = strings.TrimLeft(name, " \t\r\n\x00")
	name, _, _ = strings.Cut(name, "[")
	name, _, _ = strings.Cut(name, "\x00")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimRight(name, " \t")))
}

// NamesMethod reports whether some servers take the method from a header or a field
// of this name.
func NamesMethod(name string) bool {
	if !mentions(name, "method") && !mentions(name, "verb") {
		return false
	}
	whole := strings.ReplaceAll(normalName(name), "verb", "method")
	name = strings.TrimPrefix(whole, "x-")
	return whole == "x-method" || name == "-method" || methodNames[name] || strings.Contains(name, "method-override") ||
		strings.Contains(name, "override-method") || strings.Contains(name, "methodoverride")
}

// methodNames are names of headers and fields, without x- before them.
var methodNames = map[string]bool{
	"http-method": true, "httpmethod": true, "original-method": true, "request-method": true, "rewrite-method": true, "real-method": true,
	"http-request-method": true, "envoy-original-method": true,
}

// namesPath reports whether some servers take the path from a header of this name.
func namesPath(name string) bool {
	if !mentions(name, "url") && !mentions(name, "uri") && !mentions(name, "path") {
		return false
	}
	name = normalName(name)
	if !strings.HasSuffix(name, "-url") && !strings.HasSuffix(name, "-uri") && !strings.HasSuffix(name, "-path") {
		return false
	}
	return strings.Contains(name, "original") || strings.Contains(name, "rewrite") || strings.Contains(name, "request") || strings.Contains(name, "override")
}

// OverridesPath reports whether a header names another path.
func OverridesPath(h http.Header) bool {
	for name := range h {
		if namesPath(name) {
			return true
		}
	}
	return false
}

// OverridesMethod reports whether a header or the query names another method, which
// some servers carry out in place of the request's own.
func OverridesMethod(h http.Header, rawQuery string) bool {
	for name := range h {
		if NamesMethod(name) {
			return true
		}
	}
	for _, field := range strings.FieldsFunc(rawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(field, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if NamesMethod(name) {
			return true
		}
	}
	return false
}

package proxy

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"kitekey/kite"
)

// rejection tells why a request is not passed on.
type rejection struct {
	status int
	words  string
}

// authorize alone decides whether a request may pass. It returns the path below the
// base URL, with the escapes it came with.
func (p *Proxy) authorize(r *http.Request) (path string, no *rejection) {
	if foreign := p.foreign(r); foreign != "" {
		return "", &rejection{http.StatusForbidden, foreign}
	}
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if p.secret != "" {
		var secret string
		secret, rest, _ = strings.Cut(rest, "/")
		if subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret)) != 1 {
			return "", &rejection{http.StatusNotFound, "not found: the path must begin with the proxy's own path"}
		}
	}
	switch r.Method {
	case http.MethodConnect, http.MethodTrace: // TRACE would show the token
		return "", &rejection{http.StatusMethodNotAllowed, "this method is not passed on"}
	}
	if r.ContentLength > maxBody {
		return "", &rejection{http.StatusRequestEntityTooLarge, tooLarge}
	}
	path = "/" + rest
	const odd = "the path must be plain, without . or .. or empty steps, ; or escaped slashes, or characters that servers read differently"
	if kite.CheckPath(path) != nil || kite.OverridesPath(r.Header) {
		return "", &rejection{http.StatusBadRequest, odd}
	}
	unescaped, err := url.PathUnescape(path)
	if first, _, _ := strings.Cut(strings.ToLower(unescaped), ";"); err != nil || strings.HasPrefix(first+"/", "/auth/") {
		return "", &rejection{http.StatusForbidden, "tokens are minted by kitekey: leave the Authorization header to it"}
	}
	if !plain(path) {
		return "", &rejection{http.StatusBadRequest, odd}
	}
	if p.restricted(r, unescaped) {
		return "", &rejection{http.StatusForbidden, notAllowed}
	}
	return path, nil
}

// foreign says why a request was not sent by a program of the proxy's own user to
// this proxy, "" if it was.
func (p *Proxy) foreign(r *http.Request) string {
	switch owner := peerOf(r.Context(), p.knowsOwners); {
	case owner == peerOther:
		return "the connection comes from another user"
	case owner == peerUnknown && p.knowsOwners:
		return "the client has gone before its user was known"
	}
	if !p.ownHost(r.Host) {
		return "the request is for another host"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); len(r.Header.Values("Origin")) > 0 || site != "" && site != "none" {
		return "the request comes from a web page"
	}
	return ""
}

const notAllowed = "this request is not allowed here"

func (p *Proxy) ownHost(host string) bool {
	for _, own := range p.hosts {
		if strings.EqualFold(host, own) {
			return true
		}
	}
	return false
}

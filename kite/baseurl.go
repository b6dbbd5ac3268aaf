package kite

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Origin names the gateway that accepted a credential: Kitegateway, or an override
// on this machine. All overrides are one origin.
type Origin string

// The origins.
const (
	OriginKitegateway Origin = "kitegateway"
	OriginOverride    Origin = "override"
)

// ParseOrigin accepts "kitegateway" and "override".
func ParseOrigin(s string) (Origin, error) {
	switch o := Origin(s); o {
	case OriginKitegateway, OriginOverride:
		return o, nil
	}
	return "", fmt.Errorf("unknown origin %q; use kitegateway or override", truncate(CleanText(s), 40))
}

// ParseBaseURL checks a base URL that replaces the documented one and returns it
// normalised. It must be http or https on a loopback address ("localhost",
// 127.0.0.0/8 or [::1]), without user, query or fragment: a variable in a user's
// shell must not have the api_secret sent to another host. The errors do not repeat
// the URL, which may hold a password.
func ParseBaseURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Opaque != "":
		return "", errors.New("not a URL: write it like http://127.0.0.1:4010/v1")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("the scheme must be http or https, as in http://127.0.0.1:4010/v1")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("a user, password, query or fragment is not allowed")
	case !isLoopback(u.Hostname()):
		return "", fmt.Errorf("%q is not this machine: a base URL can be overridden to a loopback address only (127.0.0.1, [::1], localhost)", CleanText(u.Hostname()))
	case !validPort(u.Port()):
		return "", errors.New("the port must be from 1 to 65535")
	case u.RawPath != "" || !plainPath(u.Path):
		return "", errors.New("the path must be plain, as in http://127.0.0.1:4010/v1")
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":") // the port may be empty
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u.String(), nil
}

// plainPath reports whether a path has no empty part, "." or "..".
func plainPath(p string) bool {
	return p == "" || p == "/" || !strings.Contains(p, "//") && path.Clean(p) == strings.TrimSuffix(p, "/")
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// OnThisMachine reports whether a host, with or without a port, is a loopback
// address, as that of each override.
func OnThisMachine(host string) bool {
	u, err := url.Parse("//" + host)
	return err == nil && isLoopback(u.Hostname())
}

// isLoopback reports whether a URL's host is this machine for certain. Names other
// than localhost are not looked up: the network decides what they mean.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

package kite

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Methods returns the methods that a request to the API can have.
func Methods() []string {
	return []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodHead, http.MethodOptions,
	}
}

// IsSafe reports whether a request with this method changes nothing at the
// gateway (RFC 9110, section 9.2.1). Every other request is a write, which is sent
// once.
func IsSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// worthRepeating reports whether the same request may succeed a moment later.
func worthRepeating(e *Error) bool {
	switch e.Kind {
	case ErrUnreachable:
		var proxy *ProxyError
		if errors.As(e.Err, &proxy) {
			return proxy.Addr != "" && (proxy.Status == 0 || proxy.Status >= 500)
		}
		return !isCertificateError(e.Err)
	case ErrRateLimited:
		return true
	case ErrGateway:
		return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	}
	return false
}

// backoff returns how long to wait after the given attempt: what the gateway asked
// for and up to a quarter more, or else 0.25 s, 0.5 s, 1 s, each times a random
// factor from 0.5 to 1.5. The random part keeps many callers from coming back at
// the same moment.
func backoff(attempt int, retryAfter time.Duration) time.Duration {
	if retryAfter > 0 {
		return retryAfter + rand.N(retryAfter/4+time.Millisecond)
	}
	base := 250 * time.Millisecond << (attempt - 1)
	return base/2 + rand.N(base)
}

// maxRetryAfter limits what a Retry-After header can ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads Retry-After: seconds, or a date by the gateway's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err == nil:
		return time.Duration(min(max(n, 0), int64(maxRetryAfter/time.Second))) * time.Second
	case errors.Is(err, strconv.ErrRange) && n > 0:
		return maxRetryAfter
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter).Round(time.Second)
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kitekey/kite"
)

// splitAPIArgs tells PATH, METHOD PATH, SELECTOR PATH and SELECTOR METHOD PATH
// apart. A path has a slash or is a URL. Account names are lower case, so a first
// word in capitals is a method.
func splitAPIArgs(args []string) (profile []string, method, path string, err error) {
	path, rest := args[len(args)-1], args[:len(args)-1]
	switch len(rest) {
	case 1:
		if rest[0] != "" && strings.Trim(rest[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			method = rest[0]
		} else {
			profile = rest
		}
	case 2:
		profile, method = rest[:1], strings.ToUpper(rest[1])
	}
	switch hasPath := strings.Contains(path, "/") && (len(rest) > 0 || strings.HasPrefix(path, "/") || strings.Contains(path, "://")); {
	case environmentApart(args):
		return nil, "", "", usagef("%s", slashHint)
	case !hasPath:
		return nil, "", "", usagef("no path: write one after the profile, as in /data/wallets/balances")
	}
	if method != "" && !slices.Contains(kite.Methods(), method) {
		return nil, "", "", usagef("unknown method; use %s", either(kite.Methods()))
	}
	return profile, method, path, nil
}

// belowBase removes the base URL, or its path, from a path that was copied with it.
// It refuses the URL of another host.
func belowBase(path, base string) (string, error) {
	if rest, ok := strings.CutPrefix(path, base+"/"); ok {
		path = "/" + rest
	}
	if scheme, _, ok := strings.Cut(path, "://"); ok && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz") == "" {
		for _, env := range kite.Environments {
			if rest, ok := strings.CutPrefix(path, env.BaseURL()+"/"); ok {
				return "", usagef("that URL is of the %s gateway, and this call goes to %s: give the path alone, /%s", env, base, kite.CleanText(rest))
			}
		}
		return "", usagef("that URL is not below %s: give the path alone, as in /data/wallets/balances", base)
	}
	if u, err := url.Parse(base); err == nil && u.Path != "" && strings.HasPrefix(path, u.Path+"/") {
		path = strings.TrimPrefix(path, u.Path)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path, nil
}

// apiRequest returns the request that the options describe.
func (a *app) apiRequest(ctx context.Context, o apiOptions) (kite.Request, error) {
	r := kite.Request{Method: o.method, Path: o.path, Large: true}
	var err error
	if r.Header, err = readHeaders(o.headers); err != nil {
		return r, err
	}
	fields, err := bodyFields(o.texts, o.values)
	if err != nil {
		return r, err
	}
	hasFields := len(o.texts)+len(o.values) > 0
	if r.Method == "" {
		r.Method = http.MethodGet
		if o.data != nil || hasFields {
			r.Method = http.MethodPost
		}
	}
	switch reads := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case hasFields && reads:
		r.Path = withQuery(r.Path, fields)
	case hasFields:
		r.Body, err = json.Marshal(fields)
	case o.data != nil && reads:
		return r, usagef("%s sends no body; use -f for the query", r.Method)
	case o.data != nil:
		r.Body, err = a.readData(ctx, *o.data, r.Header.Get("Content-Type"))
	}
	return r, err
}

// readHeaders reads --header NAME:VALUE.
func readHeaders(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if !ok || name == "" {
			return nil, usagef("--header: write NAME:VALUE")
		}
		if err := kite.CheckHeader(name, value); err != nil {
			return nil, usagef("--header: %w", err)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

// withQuery adds fields to the query of path.
func withQuery(path string, fields map[string]any) string {
	query := url.Values{}
	for name, value := range fields {
		text, isText := value.(string)
		if !isText {
			data, _ := json.Marshal(value) // it was decoded from JSON
			text = string(data)
		}
		query.Set(name, text)
	}
	if strings.Contains(path, "?") {
		return path + "&" + query.Encode()
	}
	return path + "?" + query.Encode()
}

// bodyFields reads -f KEY=TEXT and -F KEY=JSON.
func bodyFields(texts, values []string) (map[string]any, error) {
	fields := make(map[string]any, len(texts)+len(values))
	add := func(flag, field string, read func(string) (any, error)) error {
		name, text, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return usagef("%s: write KEY=VALUE", flag)
		}
		if _, twice := fields[name]; twice {
			return usagef("%s: the field %q is given twice", flag, name)
		}
		value, err := read(text)
		if err != nil {
			return usagef("%s %s: %w", flag, name, err)
		}
		fields[name] = value
		return nil
	}
	for _, field := range texts {
		if err := add("-f", field, func(s string) (any, error) { return s, nil }); err != nil {
			return nil, err
		}
	}
	for _, field := range values {
		if err := add("-F", field, func(s string) (value any, err error) {
			if !json.Valid([]byte(s)) {
				return nil, errors.New("not JSON; -f sends text")
			}
			return json.RawMessage(s), nil // a number keeps its digits
		}); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// maxData limits a body, in bytes.
const maxData = 16 << 20

// readData reads --data. A body must be JSON unless contentType says otherwise.
func (a *app) readData(ctx context.Context, data, contentType string) ([]byte, error) {
	body := []byte(data)
	var err error
	switch name, isFile := strings.CutPrefix(data, "@"); {
	case data == "-", data == "@-":
		body, err = a.readStdin(ctx, maxData)
	case isFile:
		body, err = readFile(ctx, name, maxData)
	case len(body) > maxData:
		err = fmt.Errorf("%w: more than %s", errTooLarge, size(maxData))
	}
	if err != nil {
		return nil, usagef("--data: %w", err)
	}
	if contentType == "" && !json.Valid(body) {
		return nil, usagef("--data is not JSON; to send something else, name it with -H Content-Type:…")
	}
	return body, nil
}

package vault_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	. "kitekey/vault"
	"kitekey/vault/storetest"
)

// Text from a file of the data folder cannot write on a terminal, whatever the file
// holds: it is cleaned when it is parsed.
func FuzzPlantedFiles(f *testing.F) {
	for _, seed := range []string{
		"\x1b]0;title\x07\x1b[2J", "\u202edrow", "\u009b31m", "plain", "\x00\r\n", strings.Repeat("long", 500), "\xff\xfe", "</script>&<", `"},{"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		planted, err := json.Marshal(text)
		if err != nil {
			t.Skip()
		}
		dir := t.TempDir()
		write := func(name, content string) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "@", string(planted))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(IndexFile, `{"version":2,"profiles":[
{"account":"acme","environment":"live","id":"aaaaaaaaaaaaaaaa","store":"memory","label":@,"key_hint":"1234","expires_in":60}
]}
`)
		write("status/a.json", `{"version":1,"profiles":[{"id":"aaaaaaaaaaaaaaaa","key_hint":"1234","host":@,"verdict":"rejected","message":@,"detail":@}]}`)
		write(ActivityFile, `{"at":"2026-01-01T00:00:00Z","account":"acme","environment":"live","action":@,"command":@,"result":@,"parent":@,"reason":@,"method":@,"path":@,"recipients":[@],"from":@,"to":@}`+"\n")
		w := newFixtureIn(t, dir, storetest.NewFaulty(nil))
		var shown []string
		list, err := w.List()
		if err != nil {
			shown = append(shown, err.Error())
		}
		p, err := w.Lookup(sel("acme/live"))
		for _, p := range append(list, p) {
			r := p.Report()
			shown = append(shown, p.Label, p.KeyHint, p.Host, r.Host, r.Message, string(p.Verdict), fmt.Sprint(err), fmt.Sprint(r.Err))
		}
		log, err := w.Activities(nil, 10)
		for _, a := range log {
			shown = append(append(shown, string(a.Action), a.Command, a.Result, a.Parent, a.Reason, a.Method, a.Path, a.From, a.To, fmt.Sprint(err)), a.Recipients...)
		}
		if len(list) != 1 || len(log) != 1 {
			t.Fatalf("%d profiles, %d entries", len(list), len(log))
		}
		for _, s := range shown {
			if strings.ContainsFunc(s, func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
			}) {
				t.Fatalf("%q reaches the caller", s)
			}
		}
		if s, err := LoadSettings(dir); err != nil || s != DefaultSettings {
			t.Fatalf("%+v %v", s, err)
		}
	})
}

// The scanner either reads a file as encoding/json does, or leaves it to it.
func FuzzScanReadsAsJSON(f *testing.F) {
	for _, line := range []string{
		`"account":"acme","environment":"live","id":"aaaaaaaaaaaaaaaa","store":"memory","origin":"override","label":"Ünïcode & <b>","key_hint":"1234","expires_in":60,"staged":true,"previous":false`,
		`"id":"a","key_hint":"1234","host":"h","verdict":"ok","verdict_at":"2026-01-02T03:04:05.123Z","http_status":200,"message":"m","detail":"d","latency_ms":12,"skew_ms":-3,"deep":true,` +
			`"token":{"minted":"2026-01-02T03:04:05Z","deadline":"2026-01-02T03:04:05+01:00","expires_in":300,"skew_ms":0},"last_used":"2026-01-02T03:04:05Z"`,
		`"label":"a\nb\u0041\""`, `"label":null`, `"expires_in":007`, `"expires_in":-0`, `"expires_in":1e3`, `"LABEL":"x"`, `"label":"x","label":"y"`,
		`"token":{"minted":"2026-01-02T03:04:05Z"},"token":{"skew_ms":1}`, `"verdict_at":"2026-13-02T03:04:05Z"`, `"staged":1`, ``, `,`, `"label":"` + "\xff" + `"`, `"token":{}`, `"x":1`, `"http_status":99999999999`,
	} {
		f.Add(line, "")
		f.Add(line, "}\n,{"+line)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		lines := "\n{" + a + b + "}\n]}\n"
		for what, both := range ScanAndJSON(lines) {
			if both[0] != "" && both[0] != both[1] {
				t.Errorf("%s of %q:\nscanned %s\njson    %s", what, lines, both[0], both[1])
			}
		}
	})
}

package kite

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

// holder has secrets in fields of several kinds, as callers' structs do.
type holder struct {
	hidden Secret
	nested struct{ cred Credential }
	list   []Secret
	table  map[string]Secret
	any    any
	ptr    *Secret
	Shown  Secret
}

func TestSecret_NeverPrints(t *testing.T) {
	s := NewSecret(canary)
	h := holder{hidden: s, list: []Secret{s}, table: map[string]Secret{"k": s}, any: s, ptr: &s, Shown: s}
	h.nested.cred = Credential{s, s}
	encodings := []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%v", []byte(canary))}
	check := func(what, got string) {
		t.Helper()
		for _, e := range encodings {
			if strings.Contains(got, e) {
				t.Errorf("%s shows the secret: %s", what, got)
			}
		}
	}
	tok := Token{Value: s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%p", "%T", "%U", "%08.3f", "%-20s", "%10v"} {
		for what, v := range map[string]any{
			"secret": s, "pointer": &s, "holder": h, "pointer to holder": &h, "slice": []Secret{s}, "map": map[string]Secret{"a": s},
			"credential": h.nested.cred, "token": tok, "pointer to token": &tok, "error": &Error{Kind: ErrRefused, Err: fmt.Errorf("of %v", s)},
		} {
			check(what+" "+verb, fmt.Sprintf(verb, v))
		}
	}
	for _, v := range []any{s, &s, h, tok, h.nested.cred} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		check("JSON", string(j))
	}
	x, _ := xml.Marshal(struct{ S Secret }{s})
	check("XML", string(x))

	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("x", "secret", s, "holder", h, "token", tok, slog.Group("g", "s", s))
	}
	check("slog", log.String())

	var page bytes.Buffer
	if err := template.Must(template.New("").Parse("{{.}} {{printf `%s` .}} {{.Shown}}")).Execute(&page, h); err != nil {
		t.Error(err)
	}
	check("template", page.String())

	if got := fmt.Sprint(s); got != "[redacted]" {
		t.Errorf("a secret prints as %q", got)
	}
	if got := fmt.Sprint(Secret{}); got != "[redacted]" {
		t.Errorf("no secret prints as %q: it tells that there is none", got)
	}
}

func TestSecret_EqualComparesValues(t *testing.T) {
	a, b := NewSecret("one"), NewSecret("one")
	if !a.Equal(b) || a.Equal(NewSecret("two")) || a.Equal(Secret{}) || !(Secret{}).Equal(NewSecret("")) {
		t.Error("Equal is wrong")
	}
	if !(Secret{}).IsZero() || a.IsZero() || a.Reveal() != "one" || (Secret{}).Reveal() != "" {
		t.Error("IsZero or Reveal is wrong")
	}
}

func TestSecretErase_OverwritesEveryCopy(t *testing.T) {
	s := NewSecret(canary)
	var memory []byte
	s.RevealTo(func(b []byte) { memory = b }) // kept only to look at it afterwards
	same, own := s, s.Clone()
	s.Erase()
	s.Erase()
	if !bytes.Equal(memory, make([]byte, len(canary))) {
		t.Error("the value is still in memory")
	}
	if !same.IsZero() || same.Reveal() != "" || !same.Equal(Secret{}) {
		t.Error("a copy of an erased secret has a value")
	}
	if own.Reveal() != canary {
		t.Error("a clone was erased too")
	}
	Secret{}.Erase()
}

func TestSecretErase_WaitsForRevealTo(t *testing.T) {
	s := NewSecret(canary)
	var memory []byte
	s.RevealTo(func(b []byte) {
		s.Erase()
		if memory = b; string(b) != canary {
			t.Error("the value was taken away while it was looked at")
		}
		s.RevealTo(func(b []byte) {
			if b != nil {
				t.Error("an erased value was handed out again")
			}
		})
		if string(b) != canary {
			t.Error("the value was taken away while it was looked at")
		}
	})
	if !bytes.Equal(memory, make([]byte, len(canary))) {
		t.Error("the value is still in memory")
	}
}

func TestSecretFromBytes_LeavesNothingInTheCallersBytes(t *testing.T) {
	b := []byte(canary)
	s := SecretFromBytes(b)
	if s.Reveal() != canary || !bytes.Equal(b, make([]byte, len(canary))) {
		t.Errorf("the secret is %q and the bytes %q", s.Reveal(), b)
	}
	if !SecretFromBytes(nil).IsZero() || !SecretFromBytes([]byte{}).IsZero() {
		t.Error("no bytes give a secret")
	}
}

func TestSecret_IsErasedWhenItIsGarbage(t *testing.T) {
	var memory []byte
	func() {
		s := NewSecret(canary)
		s.RevealTo(func(b []byte) { memory = b })
	}()
	for range 100 {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups run on goroutines of the runtime
		if memory[0] == 0 {
			return
		}
	}
	t.Error("the value of a secret that nothing refers to is still in memory")
}

func TestSecret_CanBeUsedAndErasedAtOnce(t *testing.T) {
	for range 100 {
		s := NewSecret(canary)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				if i == 3 {
					s.Erase()
				}
				if got := s.Reveal(); got != canary && got != "" {
					t.Errorf("half a value: %q", got)
				}
				_ = s.Equal(s)
			})
		}
		all.Wait()
	}
}

func TestSecretJSON_IsReadAndWrittenExactly(t *testing.T) {
	for _, value := range []string{"plain", `with "quotes" and \`, "<&>\u2028é\U0001f511", "\x00\x1f\x7f\t", "not \xff UTF-8"} {
		written := NewSecret(value).RevealJSON([]byte("["))
		var read string
		if err := json.Unmarshal(written[1:], &read); err != nil || read != strings.ToValidUTF8(value, "\ufffd") {
			t.Errorf("%q is written as %s and read as %q, %v", value, written, read, err)
		}
		if bytes.Count(written, []byte(`\`)) != bytes.Count(written, []byte(`\u`)) {
			t.Errorf("%q has an escape that a text keyring changes: %s", value, written)
		}
		var s Secret
		if err := json.Unmarshal(written[1:], &s); err != nil || s.Reveal() != read {
			t.Errorf("%s is read as %q, %v", written, s.Reveal(), err)
		}
	}
	for text, want := range map[string]string{`null`: "", `""`: "", `"\u00e9\n"`: "é\n", "\"\xff\"": "\ufffd"} {
		s := NewSecret("before")
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.Reveal() != want {
			t.Errorf("%s is read as %q, %v", text, s.Reveal(), err)
		}
	}
	for _, text := range []string{`1`, `{}`, `[]`, `true`} {
		var s Secret
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s is read as a secret", text)
		}
	}
}

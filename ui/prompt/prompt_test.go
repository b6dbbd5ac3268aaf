package prompt

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"kitekey/kite"
	"kitekey/vault"
)

func TestReadHidden_ReadsOneLine(t *testing.T) {
	for _, tt := range []struct {
		name, typed string
		want        string
		err         error
		rest        string // what is left for the next question
	}{
		{"a line", "secret\rnext", "secret", nil, "next"},
		{"backspace takes a whole character", "aé\x7fb\r", "ab", nil, ""},
		{"ctrl-u takes the line", "wrong\x15right\r", "right", nil, ""},
		{"ctrl-c", "half\x03", "", ErrInterrupted, ""},
		{"ctrl-d on an empty line", "\x04", "", io.EOF, ""},
		{"ctrl-d after something is ignored", "a\x04b\r", "ab", nil, ""},
		{"the end of input", "half", "", io.EOF, ""},
		{"arrow keys are ignored", "a\x1b[Cb\x1bOHc\x1b[1;5Dd\r", "abcd", nil, ""},
		{"a marked paste waits for enter", "\x1b[200~pasted\x1b[201~!\r", "pasted!", nil, ""},
		{"a marked paste with its line break is entered", "\x1b[200~K=1\rS=2\r\x1b[201~next", "K=1\nS=2\n", nil, "next"},
		{"JSON in several lines, not marked", "{\r \"a\": 1\r}\rnext", "{\n \"a\": 1\n}", nil, "next"},
		{"an empty line ends what is not JSON", "{a\r\rnext", "{a\n", nil, "next"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := strings.NewReader(tt.typed)
			got, err := ReadHidden(iotest.OneByteReader(in), Text)
			if !errors.Is(err, tt.err) || got.Reveal() != tt.want {
				t.Errorf("%q, %v, want %q, %v", got.Reveal(), err, tt.want, tt.err)
			}
			if rest, _ := io.ReadAll(in); string(rest) != tt.rest {
				t.Errorf("left for the next question: %q, want %q", rest, tt.rest)
			}
		})
	}
}

// Only a Text may have line breaks, because a passphrase may begin like JSON.
func TestReadHidden_EndsALineAtItsBreak(t *testing.T) {
	got, err := ReadHidden(strings.NewReader("{passphrase\r"), Hidden)
	if err != nil || got.Reveal() != "{passphrase" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
}

func TestReadHidden_BoundsALine(t *testing.T) {
	got, err := ReadHidden(strings.NewReader(strings.Repeat("x", maxLine+100)+"\r"), Hidden)
	if err != nil || len(got.Reveal()) != maxLine {
		t.Errorf("%d bytes, %v", len(got.Reveal()), err)
	}
}

func TestStart_ReadsOneLineAndEndsWithItsContext(t *testing.T) {
	in := strings.NewReader("one\r\ntwo")
	for _, want := range []string{"one", "two"} {
		r, err := Start(in, Line)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Wait(t.Context()); err != nil || got.Reveal() != want {
			t.Errorf("%q, %v", got.Reveal(), err)
		}
		r.End()
	}
	r, _ := Start(in, Hidden)
	if _, err := r.Wait(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	silent, _ := io.Pipe()
	r, _ = Start(silent, Line)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

var acme = vault.Selector{Account: "acme", Environment: kite.Sandbox}

func TestReadPaste_FindsCredentialsInText(t *testing.T) {
	for _, tt := range []struct {
		name, text  string
		key, secret string // "" for none
		from        string // "" for a bare value
		unclear     bool
		conflict    string
	}{
		{name: "a bare api_key", text: "2882jj2hh288282jj2"},
		{name: "an api_key with an equals sign at its end", text: "abc=="},
		{name: "JSON", text: ` {"api_key": "k", "api_secret": "s"} `, key: "k", secret: "s", from: "JSON"},
		{name: "JSON in lines", text: "{\n\"api_key\": \"k\",\n\"api_secret\": \"s\"\n}\n", key: "k", secret: "s", from: "JSON"},
		{name: "one .env line", text: `KITE_API_SECRET="s"`, secret: "s", from: "lines of NAME=value"},
		{name: "two .env lines", text: "KITE_API_KEY=k\nKITE_API_SECRET=s\n", key: "k", secret: "s", from: "lines of NAME=value"},
		{name: "name: value", text: "api_key: k", key: "k", from: `lines of "name: value"`},
		{name: "two bare lines", text: "k\r\ns\r\n", key: "k", secret: "s", from: "two values, the api_key first"},
		{
			name: "a Postman environment",
			text: `{"id":"1","name":"Acme live","values":[{"key":"api_key","value":"k"},{"key":"api_secret","value":"s"}],"_postman_variable_scope":"environment"}`,
			key:  "k", secret: "s", from: "a Postman environment", conflict: "the text says live and the profile is sandbox",
		},
		{
			name: "the environment that is meant, of two", text: "SANDBOX_API_KEY=k\nSANDBOX_API_SECRET=s\nLIVE_API_KEY=x\nLIVE_API_SECRET=y\n",
			key: "k", secret: "s", from: "lines of NAME=value",
		},
		{name: "another account", text: "KITE_CORAL_API_KEY=k", key: "k", from: "lines of NAME=value", conflict: "the text names the account coral and the profile is one of acme"},
		{name: "names of another service", text: "STRIPE_API_KEY=k", unclear: true},
		{name: "broken JSON", text: `{"api_key": `, unclear: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, named, err := ReadPaste(kite.NewSecret(tt.text), acme)
			if errors.Is(err, ErrUnclear) != tt.unclear || named != (tt.from != "" || tt.unclear) {
				t.Fatalf("named %v, %v", named, err)
			}
			if err != nil && (strings.Contains(err.Error(), "=k") || strings.Contains(err.Error(), `"k"`)) {
				t.Errorf("the error repeats the text: %v", err)
			}
			if p.APIKey.Reveal() != tt.key || p.APISecret.Reveal() != tt.secret || p.From != tt.from || p.Conflict(acme) != tt.conflict {
				t.Errorf("key %q, secret %q, from %q, conflict %q", p.APIKey.Reveal(), p.APISecret.Reveal(), p.From, p.Conflict(acme))
			}
		})
	}
}

func TestQuestions_AskForTheMissingHalf(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string // to the hidden questions
		yes     bool
		said    []string
		asked   int
		key     string
	}{
		{"typed", []string{"k", "s"}, false, nil, 2, "k"},
		{"both at the first question", []string{`{"api_key":"k","api_secret":"s"}`}, false, []string{"api_key and api_secret read from JSON"}, 1, "k"},
		{"a line for each", []string{"KITE_API_KEY=k", "KITE_API_SECRET=s"}, false, []string{"api_key read from", "api_secret read from"}, 2, "k"},
		{"in the other order", []string{"KITE_API_SECRET=s", "KITE_API_KEY=k"}, false, []string{"api_secret read from"}, 2, "k"},
		{"an empty one is asked for again", []string{"", "k", "s"}, false, []string{"the api_key is empty"}, 3, "k"},
		{"what is not understood, not taken", []string{"STRIPE_API_KEY=x", "k", "s"}, false, nil, 3, "k"},
		{"what is not understood, taken", []string{"STRIPE_API_KEY=x", "s"}, true, nil, 2, "STRIPE_API_KEY=x"},
		{"of another environment, not taken", []string{"LIVE_API_KEY=x", "k", "s"}, false, nil, 3, "k"},
		{"of another environment, taken", []string{"LIVE_API_KEY=x", "s"}, true, []string{"api_key read from"}, 2, "x"},
		{"a broken half", []string{"a\x01b", "s", "k", "s"}, false, []string{"enter both again"}, 4, "k"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			var said []string
			q := Questions{
				Hidden: func(context.Context, string) (kite.Secret, error) {
					if asked == len(tt.answers) {
						return kite.Secret{}, io.EOF
					}
					asked++
					return kite.NewSecret(tt.answers[asked-1]), nil
				},
				Say: func(text string) { said = append(said, text) },
				Yes: func(context.Context, string) (bool, error) { return tt.yes, nil },
			}
			cred, err := q.Credential(t.Context(), acme)
			if err != nil || cred.APIKey.Reveal() != tt.key || cred.APISecret.Reveal() != "s" || asked != tt.asked {
				t.Errorf("%q/%q after %d questions, %v", cred.APIKey.Reveal(), cred.APISecret.Reveal(), asked, err)
			}
			all := strings.Join(said, "\n")
			for _, want := range tt.said {
				if !strings.Contains(all, want) {
					t.Errorf("%q was not said in %q", want, all)
				}
			}
		})
	}
	_, err := Questions{Hidden: func(context.Context, string) (kite.Secret, error) { return kite.Secret{}, ErrInterrupted }}.Credential(t.Context(), acme)
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("given up: %v", err)
	}
}

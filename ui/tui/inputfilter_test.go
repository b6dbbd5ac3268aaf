package tui

import (
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

// piece is a part of the terminal's input, some time after the part before.
type piece struct {
	after time.Duration
	text  string
}

func filtered(pieces ...piece) string {
	var f inputFilter
	var out strings.Builder
	now := time.Unix(1e9, 0)
	for _, p := range pieces {
		now = now.Add(p.after)
		out.Write(f.filter([]byte(p.text), now))
	}
	return out.String()
}

func TestInputFilter_JoinsCutReplies(t *testing.T) {
	const half = 500 * time.Millisecond
	for name, tt := range map[string]struct {
		pieces []piece
		want   string
	}{
		"whole":                  {[]piece{{0, "a\x1b]11;rgb:ffff/ffff/ffff\x07b"}}, "a\x1b]11;rgb:ffff/ffff/ffff\x07b"},
		"in two pieces":          {[]piece{{0, "a\x1b]11;rgb:ff"}, {half, "ff/ffff/ffff\x1b\\b"}}, "a\x1b]11;rgb:ffff/ffff/ffff\x1b\\b"},
		"in three pieces":        {[]piece{{0, "\x1b]1"}, {half, "1;rgb:ffff/ffff"}, {half, "/ffff\x1b"}, {half, "\\"}}, "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"},
		"never ended":            {[]piece{{0, "\x1b]11;rgb:ff"}, {time.Minute, "j"}}, "j"},
		"a mode's report":        {[]piece{{0, "\x1b[?20"}, {half, "26;2$y"}}, "\x1b[?2026;2$y"},
		"a device's report":      {[]piece{{0, "\x1bP>|XTerm"}, {half, "(390)\x1b\\k"}}, "\x1bP>|XTerm(390)\x1b\\k"},
		"after its ESC was lost": {[]piece{{0, "\x1b"}, {half, "]11;rgb:ffff/ffff/ffff\x1b\\j"}}, "\x1bj"},
		"split but in time":      {[]piece{{0, "\x1b"}, {time.Millisecond, "]11;rgb:ffff/ffff/ffff\x1b\\j"}}, "\x1b]11;rgb:ffff/ffff/ffff\x1b\\j"},
		"keys":                   {[]piece{{0, "j"}, {half, "\x1b"}, {half, "\x1b[A"}, {half, "\x1bOB"}, {half, "]"}}, "j\x1b\x1b[A\x1bOB]"},
		"escape, then a key":     {[]piece{{0, "\x1b"}, {half, "q"}}, "\x1bq"},
	} {
		if got := filtered(tt.pieces...); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// A terminal without bracketed paste types what is pasted, at once.
func TestInputFilter_MarksACredentialThatIsTyped(t *testing.T) {
	for text, marked := range map[string]bool{
		"KITE_API_KEY=sim-key\rKITE_API_SECRET=sim-secret\r":                    true,
		"# live\rKITE_ENVIRONMENT=live\rKITE_API_KEY=k1\rKITE_API_SECRET=s1":    true,
		"{\r  \"api_key\": \"sim-key\",\r  \"api_secret\": \"sim-secret\"\r}\r": true,
		"jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjcq":                        false,
		"/a long text for the filter\rc":                                        false,
		"aacme\tsandbox\tAcme Stores Ltd\tsim-key-acme\tsim-secret-acme\r":      false,
		"sim-key-acme-sandbox sim-secret-acme-sandbox":                          false,
	} {
		want := text
		if marked {
			want = pasteStart + text + pasteEnd
		}
		if got := filtered(piece{0, text}); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A terminal holds 4 kB, and what it types is more: it comes in pieces.
func TestTerminalInput_MarksALargeTextThatIsTyped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Bubble Tea reads the terminal itself there")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("12345678901234567890\r", 600)
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	in := &terminalInput{File: r}
	var got strings.Builder
	var b [4096]byte
	for !strings.HasSuffix(got.String(), pasteEnd) {
		n, err := in.Read(b[:])
		if err != nil || len(in.ready) > 0 {
			t.Fatalf("%v, and %d bytes wait for another read", err, len(in.ready))
		}
		got.Write(b[:n])
	}
	if got.String() != pasteStart+text+pasteEnd {
		t.Errorf("%d bytes of %d, %.20q", got.Len(), len(text), got.String())
	}
	_, _ = w.WriteString("q")
	if n, err := in.Read(b[:]); err != nil || string(b[:n]) != "q" {
		t.Errorf("then %q, %v", b[:n], err)
	}
	_ = w.Close()
	_ = r.Close()
}

func TestInputFilter_PassesPastesWhole(t *testing.T) {
	large := strings.Repeat("x", 100<<10)
	for name, tt := range map[string]struct {
		pieces []piece
		want   string
	}{
		"whole":            {[]piece{{0, pasteStart + "secret" + pasteEnd + "j"}}, pasteStart + "secret" + pasteEnd + "j"},
		"in pieces":        {[]piece{{0, pasteStart + "sec"}, {time.Minute, strings.Repeat("r", 40) + pasteEnd}, {0, "j"}}, pasteStart + "sec" + strings.Repeat("r", 40) + pasteEnd + "j"},
		"end in pieces":    {[]piece{{0, pasteStart + "sec\x1b[2"}, {time.Second, "01~"}, {time.Minute, "j"}}, pasteStart + "sec" + pasteEnd + "j"},
		"never ended":      {[]piece{{0, pasteStart + "sec"}, {3 * time.Second, "\x03"}, {0, "j"}}, pasteStart + "sec" + pasteEnd + "\x03j"},
		"looks like reply": {[]piece{{0, pasteStart + "\x1b]11;rgb"}, {time.Second, pasteEnd}}, pasteStart + "\x01]11;rgb" + pasteEnd},
	} {
		if got := filtered(tt.pieces...); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		pieces []piece
		want   string
	}{
		"bytes that are not a character": {[]piece{{0, pasteStart + "a\xffb\ufffdc" + pasteEnd + "\xff"}}, pasteStart + "a\x01b\x01c" + pasteEnd + "\xff"},
		"a character in two pieces":      {[]piece{{0, pasteStart + "caf\xc3"}, {time.Millisecond, "\xa9" + pasteEnd}}, pasteStart + "café" + pasteEnd},
		"half a character at the end":    {[]piece{{0, pasteStart + "a\xc3"}, {time.Millisecond, pasteEnd}}, pasteStart + "a\x01" + pasteEnd},
		"a control character, as it is":  {[]piece{{0, pasteStart + "a\x00b" + pasteEnd}}, pasteStart + "a\x00b" + pasteEnd},
	} {
		if got := filtered(tt.pieces...); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	pieces := []piece{{0, pasteStart}}
	for range 30 {
		pieces = append(pieces, piece{time.Millisecond, large})
	}
	got := filtered(append(pieces, piece{time.Millisecond, "yy" + pasteEnd + "j"})...)
	if len(got) > pasteLimit+2*len(large) || !strings.HasSuffix(got, pasteEnd+"j") || strings.Count(got, pasteEnd) != 1 {
		t.Errorf("a paste of %d bytes becomes %d, ending in %q", 30*len(large), len(got), got[len(got)-20:])
	}
}

// Bubble Tea does not join the pieces of an end mark.
func TestInputFilter_PasteEndComesInOnePiece(t *testing.T) {
	for at := 1; at < len(pasteEnd); at++ {
		var f inputFilter
		now := time.Now()
		f.filter([]byte(pasteStart+"secret"), now)
		first := string(f.filter([]byte(pasteEnd[:at]), now))
		second := string(f.filter([]byte(pasteEnd[at:]), now))
		if first != "" || second != pasteEnd {
			t.Errorf("cut after %d: %q, then %q", at, first, second)
		}
		if got := string(f.filter([]byte("\x03"), now)); got != "\x03" {
			t.Errorf("cut after %d: the next key is %q", at, got)
		}
	}
}

func TestInputFilter_HalfAnEndMarkIsPartOfAPasteThatGoesOn(t *testing.T) {
	if got, want := filtered(piece{0, pasteStart + "a\x1b[2"}, piece{0, "0b" + pasteEnd}), pasteStart+"a\x01[20b"+pasteEnd; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := filtered(piece{0, pasteStart + "a\x1b"}, piece{3 * time.Second, "j"}), pasteStart+"a\x01"+pasteEnd+"j"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// filteredReader reads what is sent to it, in pieces as they come.
type filteredReader struct {
	filter inputFilter
	pieces chan string
	ready  []byte
}

func (r *filteredReader) Read(b []byte) (int, error) {
	if len(r.ready) == 0 {
		piece, ok := <-r.pieces
		if !ok {
			return 0, io.EOF
		}
		r.ready = r.filter.filter([]byte(piece), time.Now())
	}
	n := copy(b, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// Whatever pastes hold, however they are cut, and whether they end or not, the key
// after the last end mark is a key to Bubble Tea's own reader.
func TestInputFilter_NoPasteTakesTheKeysAfterIt(t *testing.T) {
	if testing.Short() {
		t.Skip("700 readers")
	}
	for seed := range uint64(700) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			pick := func(of ...string) string { return of[random.IntN(len(of))] }
			r, events, ctrlC := &filteredReader{pieces: make(chan string)}, make(chan uv.Event), false
			go func() {
				_ = uv.NewTerminalReader(r, "xterm").StreamEvents(t.Context(), events)
				close(events)
			}()
			go func() {
				for e := range events {
					if k, ok := e.(uv.KeyPressEvent); ok && k.String() == "ctrl+c" {
						ctrlC = true
					}
				}
			}()
			var sent []string
			send := func(text string) {
				at := random.IntN(len(text))
				for _, piece := range []string{text[:at], text[at:]} {
					sent = append(sent, piece)
					r.pieces <- piece
					time.Sleep([]time.Duration{0, time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}[random.IntN(4)])
				}
			}
			for range 2 + random.IntN(8) {
				switch random.IntN(4) {
				case 0:
					send(pick("a", "\x1b", "\x1b[A", "\r", "漢"))
				case 1:
					send(pick("\x1b]11;rgb:1e1e/1e1e/1e1e\x07", "\x1b]4;1;rgb:ff/00/00", "\x1b[?62;22c", "\x1bP>|xterm(390)\x1b\\", "\x1bP", "\x1b[", "\x1b[<", "\xff\xfe", "\x00"))
				default:
					send(pasteStart + pick("pasted", "two\nlines\r\n", "ü漢\u202e", "\x1b[31m", "\xff", "\x01\x02") + pick(pasteEnd, "\x1b[20", ""))
				}
			}
			send(pasteEnd)
			for range 3 { // the first one may end a reply that was never ended
				r.pieces <- "\x03"
				time.Sleep(4 * time.Second)
			}
			close(r.pieces)
			synctest.Wait()
			if !ctrlC {
				t.Errorf("seed %d: %q", seed, sent)
			}
		})
	}
}

// Input that is not a reply passes unchanged, however it is cut.
func FuzzInputFilter(f *testing.F) {
	f.Add("hello\x1b[Aworld\x1b", 3)
	f.Add("\xff\x00\x1bOP", 1)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if strings.Contains(text, "\x1b]") || strings.Contains(text, "\x1bP") || strings.Contains(text, "\x1b[?") || strings.Contains(text, "\x1b[<") {
			return
		}
		if strings.Contains(text, "\x1b[200~") || strings.HasSuffix(text, "\x1b[") || strings.HasSuffix(text, "\x1b[2") || strings.HasSuffix(text, "\x1b[20") || strings.HasSuffix(text, "\x1b[200") {
			return // pastes have rules of their own
		}
		cut = max(min(cut, len(text)), 0)
		if cut > 0 && text[cut-1] == '\x1b' {
			return // half a sequence, or the key
		}
		if got := filtered(piece{0, text[:cut]}, piece{time.Millisecond, text[cut:]}); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

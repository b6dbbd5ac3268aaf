// Not with the race detector: told to end while input comes, Bubble Tea closes its
// reader (muesli/cancelreader) beside a read, which is reported as a race of the library's.

//go:build linux && !race

package cli_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/ui/terminaltest"
)

// eventsPerRun is the number of events for one program. It is small so that
// programs are stopped in many states, and a locked screen does not swallow all
// later events.
const eventsPerRun = 100

// Whatever the input, stops and continuations included, the demo does not panic or
// stall, shows no secret with --no-reveal, ends when it is told to, and leaves the
// terminal as it was. KITEKEY_EVENTS makes a run longer, and KITEKEY_SEED repeats one
// except for its timing.
func TestScreen_SurvivesRandomInput(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	events, random := randomRun(t, 400)
	in := randomInput{random}
	quits := 0
	for run := 0; events > 0; run++ {
		n := min(events, eventsPerRun)
		events -= n
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			if in.run(t, n) {
				quits++
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs ended by a quit that was among the events", quits)
}

type randomInput struct{ *rand.Rand }

const randomCols, randomRows = 140, 45

// run gives one program n events and ends it. It reports whether an event ended it.
func (in randomInput) run(t *testing.T, n int) bool {
	j := startJob(t, "--no-reveal")
	c := j.c
	var recent []string
	defer func() {
		if t.Failed() {
			t.Logf("the last events: %.80q", recent[max(0, len(recent)-40):])
		}
	}()
	check := func() {
		t.Helper()
		screen := c.Screen()
		for _, secret := range []string{"sim-secret", "sim-key-"} {
			if strings.Contains(screen, secret) {
				t.Fatalf("%q is on the screen:\n%s", secret, screen)
			}
		}
	}
	finish := func(code int) {
		t.Helper()
		c.WaitExit(code)
		c.ShowedNone("sim-secret", "sim-key-", "panic", "goroutine ")
	}
	for i := range n {
		var event string
		switch in.IntN(45) {
		case 0, 1, 2:
			cols, rows := 1+in.IntN(randomCols), 1+in.IntN(randomRows)
			event = fmt.Sprintf("resize %d×%d", cols, rows)
			c.Resize(cols, rows)
		case 3:
			event = "TSTP, CONT"
			_ = syscall.Kill(j.pid, syscall.SIGTSTP) // it may have ended
			in.pause()
			_ = syscall.Kill(j.pid, syscall.SIGCONT)
		case 4:
			event = "CONT"
			_ = syscall.Kill(j.pid, syscall.SIGCONT)
		default:
			event = in.event()
			in.send(t, c, event)
		}
		recent = append(recent, event)
		check()
		select {
		case <-c.Exited():
			finish(0) // a click on "quit", or the list of actions
			return true
		default:
		}
		if i%50 == 49 && !in.answers(t, c) {
			finish(0)
			return true
		}
	}
	// End what is open (a paste, a reply, an escape sequence), then tell the program
	// to quit.
	end := []string{"\x03", "TERM"}[in.IntN(2)]
	recent = append(recent, end)
	if end == "TERM" {
		j.signal(syscall.SIGTERM)
		finish(130)
		return false
	}
	c.Resize(randomCols, randomRows)
	in.send(t, c, "\x1b[201~")
	in.send(t, c, end)
	// Do not repeat it at once: a second ctrl+c after the terminal is given back
	// kills the process.
	began := time.Now()
	press := func(key string, wait time.Duration) (again time.Time) {
		recent = append(recent, fmt.Sprintf("%s after %v", key, time.Since(began).Round(time.Millisecond)))
		in.send(t, c, key)
		return time.Now().Add(wait)
	}
	for again := began.Add(4 * time.Second); ; {
		select {
		case <-c.Exited():
			finish(0)
			return false
		case <-time.After(100 * time.Millisecond):
		}
		screen := c.Screen()
		switch {
		case time.Since(began) > 30*time.Second:
			t.Fatalf("ctrl+c does not end it:\n%s", screen)
		case strings.Contains(screen, "y discard it and quit"):
			press("y", 0)
		case time.Now().Before(again):
		case strings.Contains(screen, "unlock to"): // save or discard an unfinished form
			again = press("\r", time.Second)
		default:
			again = press(end, 4*time.Second)
		}
	}
}

// answers waits until the program draws for another size. It returns false if the
// program has ended.
func (in randomInput) answers(t *testing.T, c *terminaltest.Terminal) bool {
	t.Helper()
	before := len(c.Written())
	c.Resize(100, 30)
	for i := 0; len(c.Written()) == before; i++ {
		if i == 200 {
			t.Fatal("it does not draw for another size")
		}
		c.Resize(100+i%2, 31)
		select {
		case <-c.Exited():
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return true
}

// send types an event, every second one in two pieces. It fails the test if the
// program does not read it.
func (in randomInput) send(t *testing.T, c *terminaltest.Terminal, event string) {
	t.Helper()
	pieces := []string{event}
	if len(event) > 1 && in.IntN(2) == 0 {
		at := 1 + in.IntN(len(event)-1)
		pieces = []string{event[:at], event[at:]}
	}
	for _, piece := range pieces {
		typed := make(chan struct{})
		go func() {
			defer close(typed)
			c.Type(piece)
		}()
		select {
		case <-typed:
		case <-c.Exited():
			return
		case <-time.After(15 * time.Second):
			t.Error("it does not read what is typed")
			return
		}
		in.pause()
	}
}

func (in randomInput) pause() {
	time.Sleep([]time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}[in.IntN(5)])
}

var (
	// randomKeys are keys that do not quit, suspend or start over.
	randomKeys = strings.Fields("j k g G h l / o t c C m n K f s S x v V w a e r d u Z L H M : ? p y b i 1 2 9 0 ü 漢 . -")

	randomSpecials = []string{
		"\r", "\r", "\r", "\t", "\x1b", "\x1b", "\x1b", " ", "\x7f", "\x02", "\x04", "\x06", "\x0c", "\x0e", "\x10", "\x15", "\x17",
		"\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1b[3~", "\x1b[Z", "\x1bOP", "\x1b[1;5A", "\x1b[I", "\x1b[O",
		"acme", "verify\r", "sandbox", "mint\r", "900\r",
	}
	randomReplies = []string{
		"\x1b]11;rgb:1e1e/1e1e/1e1e\x07", "\x1b]10;rgb:ffff/ffff/ffff\x1b\\", "\x1b]52;c;c29tZXRoaW5n\x07", "\x1b]4;1;rgb:ff/00/00",
		"\x1b[?62;22c", "\x1b[>0;276;0c", "\x1b[?2026;2$y", "\x1b[?2027;0$y", "\x1b[?1u", "\x1b[12;40R", "\x1b[8;24;80t", "\x1b[4;480;640t",
		"\x1bP>|xterm(390)\x1b\\", "\x1bP1+r524742=38\x1b\\", "\x1bP", "\x1b_Gi=1;OK\x1b\\", "\x1b[", "\x1b[?", "\x1b[<", "\x1b[999999999;1R", "\xff\xfe", "\x00",
	}
)

// event returns the input of one key, paste, reply or click.
func (in randomInput) event() string {
	pick := func(of []string) string { return of[in.IntN(len(of))] }
	switch in.IntN(12) {
	default:
		return pick(randomKeys)
	case 0, 1, 2:
		return pick(randomSpecials)
	case 3:
		return pick(randomReplies)
	case 4:
		text := strings.Repeat(pick([]string{"pasted", "two\nlines\r\n", "ü漢\u202e", "\x1b[31m", "\xff", "{\"api_key\":\"x\",", "\x01\x02"}), 1+in.IntN(300))
		return "\x1b[200~" + text + pick([]string{"\x1b[201~", "\x1b[201~", "\x1b[20", ""})
	case 5, 6:
		x, y := 1+in.IntN(randomCols+20), 1+in.IntN(randomRows+10)
		return fmt.Sprintf("\x1b[<%d;%d;%d%s", []int{0, 0, 0, 1, 2, 32, 35, 64, 65, 128}[in.IntN(10)], x, y, pick([]string{"M", "M", "m"}))
	}
}

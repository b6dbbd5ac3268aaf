//go:build linux && !race

package cli_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kitekey/ui/terminaltest"
)

// job is the demo on a terminal, started as a shell starts a job.
type job struct {
	t   *testing.T
	c   *terminaltest.Terminal
	pid int

	slowest time.Duration // time to a frame after SIGCONT or a new size
}

func startJob(t *testing.T, flags ...string) *job {
	t.Helper()
	_, environ := startSimulator(t)
	c := terminaltest.Start(t, terminaltest.Program{
		Path: "job", Args: append([]string{"kitekey", "demo"}, flags...), Env: append(environ, "DISPLAY=", "WAYLAND_DISPLAY="),
		Emulate: true, Cols: randomCols, Rows: randomRows,
	})
	c.WaitFor("borealis")
	var children strings.Builder // each thread has its own
	for _, file := range must(filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", c.Pid()))) {
		children.Write(must(os.ReadFile(file)))
	}
	j := &job{t: t, c: c, pid: must(strconv.Atoi(strings.TrimSpace(children.String())))}
	t.Cleanup(func() {
		_ = syscall.Kill(j.pid, syscall.SIGKILL)
		t.Logf("the slowest frame took %v", j.slowest)
	})
	return j
}

func (j *job) signal(s syscall.Signal) {
	j.t.Helper()
	if err := syscall.Kill(j.pid, s); err != nil {
		j.t.Fatal(err)
	}
}

// stopped reports whether the job is stopped.
func (j *job) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", j.pid))
	return err == nil && strings.Contains(string(stat), ") T ")
}

// stop stops the job, which gives the terminal back first.
func (j *job) stop() {
	j.t.Helper()
	j.signal(syscall.SIGTSTP)
	j.c.Wait(func() error {
		if !j.stopped() {
			return errors.New("it does not stop")
		}
		return nil
	})
	j.c.Wait(j.c.Restored)
}

// drawWait is how long a frame may take on a busy machine.
const drawWait = 10 * time.Second

// modesOf returns the modes of the terminal that raw has left on, and the depth of
// its stack of keyboards.
func modesOf(raw string) map[string]int {
	modes := map[string]int{}
	for _, m := range regexp.MustCompile(`\x1b\[(?:\?([0-9]+)([hl])|([<>])1?u|>4(;2)?m)`).FindAllStringSubmatch(raw, -1) {
		switch {
		case m[2] == "h":
			modes[m[1]] = 1
		case m[2] == "l":
			delete(modes, m[1])
		case m[3] == ">":
			modes["keyboards"]++
		case m[3] == "<":
			if modes["keyboards"]--; modes["keyboards"] == 0 {
				delete(modes, "keyboards")
			}
		case m[4] != "":
			modes["other keys"] = 1
		default:
			delete(modes, "other keys")
		}
	}
	return modes
}

// draws fails the test if nothing of the locked screen is drawn.
func (j *job) draws(from int) {
	j.t.Helper()
	began := time.Now()
	for !strings.Contains(j.c.Written()[from:], "is locked") {
		if time.Since(began) > drawWait {
			j.t.Fatalf("it draws nothing; stopped: %v; since then:\n%q", j.stopped(), j.c.Written()[from:])
		}
		time.Sleep(5 * time.Millisecond)
	}
	j.slowest = max(j.slowest, time.Since(began))
}

func (j *job) ends() {
	j.t.Helper()
	j.signal(syscall.SIGTERM)
	j.c.WaitExit(130)
}

// The screen is stopped as kill does it, and continued as fg does it.
func TestStop_GivesTheTerminalBackUntilContinued(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	j := startJob(t)
	j.c.Type("M") // the mouse too
	j.c.WaitFor("mouse on")
	running := modesOf(j.c.Written())
	for range 3 {
		j.stop()
		if stopped := modesOf(j.c.Written()); !maps.Equal(stopped, map[string]int{"25": 1}) {
			t.Errorf("left on while it is stopped: %v", stopped)
		}
		from := len(j.c.Written())
		j.signal(syscall.SIGCONT)
		j.draws(from)
		if again := modesOf(j.c.Written()); !maps.Equal(again, running) {
			t.Errorf("on at first: %v; again: %v", running, again)
		}
		time.Sleep(100 * time.Millisecond) // SIGTSTP together with SIGCONT would not stop it
	}
	j.ends()
}

// A screen that is told to stop and then at once to continue goes on.
func TestStop_ContinuedAtOnceGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	j := startJob(t)
	for i := range 20 {
		from := len(j.c.Written())
		j.signal(syscall.SIGTSTP)
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		j.signal(syscall.SIGCONT)
		j.draws(from)
		time.Sleep(100 * time.Millisecond)
		if j.stopped() {
			t.Fatalf("stopped, and continued %d ms later, it is stopped", 3*i)
		}
	}
	j.ends()
}

// randomRun returns how many events a random test has, n unless KITEKEY_EVENTS says
// otherwise, and its source of chance, which KITEKEY_SEED repeats. It logs both.
func randomRun(t *testing.T, n int) (events int, random *rand.Rand) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("KITEKEY_EVENTS"); s != "" {
		n = must(strconv.Atoi(s))
	}
	if s := os.Getenv("KITEKEY_SEED"); s != "" {
		seed = must(strconv.ParseUint(s, 10, 64))
	}
	t.Logf("KITEKEY_SEED=%d KITEKEY_EVENTS=%d", seed, n)
	return n, rand.New(rand.NewPCG(seed, 0))
}

// Signals of job control, sizes and keys come in random order, and then a signal
// that ends the screen. KITEKEY_SEED repeats a run except for its timing.
func TestSignals_InAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a real terminal")
	}
	t.Parallel()
	runs, random := randomRun(t, 12)
	pause := func() {
		time.Sleep([]time.Duration{0, 0, time.Millisecond, 7 * time.Millisecond, 40 * time.Millisecond, 150 * time.Millisecond}[random.IntN(6)])
	}
	for run := range runs {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			j := startJob(t)
			var sent []string
			defer func() {
				if t.Failed() {
					t.Logf("sent: %v", sent)
				}
			}()
			for range 3 + random.IntN(8) {
				from := len(j.c.Written())
				event := []string{"TSTP", "CONT", "CONT", "WINCH", "key"}[random.IntN(5)]
				sent = append(sent, event)
				switch event {
				case "TSTP":
					j.signal(syscall.SIGTSTP)
				case "CONT":
					j.signal(syscall.SIGCONT)
					if random.IntN(2) == 0 {
						j.draws(from)
						from = len(j.c.Written())
						j.c.Resize(randomCols-1-random.IntN(20), randomRows-random.IntN(10))
						j.draws(from)
					}
				case "WINCH":
					j.c.Resize(randomCols-random.IntN(20), randomRows-random.IntN(10))
				case "key":
					j.c.Type("\x1b[A")
				}
				pause()
			}
			order := []syscall.Signal{syscall.SIGCONT, syscall.SIGTERM}
			if random.IntN(2) == 0 {
				order[0], order[1] = order[1], order[0]
			}
			for _, s := range order {
				sent = append(sent, s.String())
				_ = syscall.Kill(j.pid, s)
			}
			j.c.WaitExit(130)
		})
		if t.Failed() {
			return
		}
	}
}

// Command picture runs "kitekey demo --script" on a pseudo-terminal and draws what
// the terminal shows. The script make beside it runs it.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3/vt"
)

const (
	cols = 110
	rows = 24
)

// stillAt is when the still picture is taken: a token has been minted and copied.
const stillAt = 10 * time.Second

// event is an output to the terminal.
type event struct {
	at   time.Duration
	text string
}

// recorder records the output, and the terminal's contents at every change.
type recorder struct {
	mu     sync.Mutex
	began  time.Time
	events []event
	frames []frame
	vt     vt.MockTerm
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: picture KITEKEY FOLDER")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(binary, dir string) error {
	home, err := os.MkdirTemp("", "picture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	r := &recorder{vt: vt.NewMockTerm(vt.MockOptSize{X: cols, Y: rows}), began: time.Now()}
	if err := r.vt.Start(); err != nil {
		return err
	}
	cmd := exec.Command(binary, "demo", "--script")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DISPLAY=" + os.Getenv("DISPLAY"),
		"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8"}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: cols, Rows: rows})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.answer(terminal) })
	wg.Go(func() { r.record(terminal) })
	time.Sleep(stillAt)
	r.mu.Lock()
	still := r.frames[len(r.frames)-1]
	r.mu.Unlock()
	if err := cmd.Wait(); err != nil {
		return err
	}
	r.mu.Lock()
	end := time.Since(r.began)
	// The last frame shows the shell's screen again.
	recorded, frames := r.events, r.frames[:len(r.frames)-1]
	r.mu.Unlock()
	_ = r.vt.Close()
	_ = terminal.Close()
	wg.Wait()

	write := func(name, text string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	if err := write("kitekey.svg", picture([]frame{still}, 0)); err != nil {
		return err
	}
	if err := write("demo.svg", picture(frames, end)); err != nil {
		return err
	}
	return write("demo.cast", cast(recorded, end))
}

// answer passes the emulated terminal's answers on to the program.
func (r *recorder) answer(program io.Writer) {
	buf := make([]byte, 1024)
	for {
		n, err := r.vt.Read(buf)
		if err != nil || n == 0 {
			return
		}
		_, _ = program.Write(buf[:n])
	}
}

// record takes what the program writes until it ends.
func (r *recorder) record(program io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := program.Read(buf)
		if err != nil {
			return
		}
		r.write(buf[:n])
	}
}

func (r *recorder) write(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Since(r.began)
	_, _ = r.vt.Write(p)
	_ = r.vt.Drain()
	r.events = append(r.events, event{at, string(p)})
	f := r.look()
	f.at = at
	if n := len(r.frames); n > 0 && at-r.frames[n-1].at < 30*time.Millisecond {
		f.at = r.frames[n-1].at
		r.frames[n-1] = f // pieces of the same frame
		return
	}
	r.frames = append(r.frames, f)
}

// cast returns the recording in the format of
// https://docs.asciinema.org/manual/asciicast/v2/. It has no date, so that two
// recordings can be compared.
func cast(events []event, end time.Duration) string {
	var b strings.Builder
	line := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	line(map[string]any{"version": 2, "width": cols, "height": rows, "title": "kitekey demo"})
	for _, e := range events {
		line([]any{e.at.Round(time.Millisecond).Seconds(), "o", e.text})
	}
	line([]any{end.Round(time.Millisecond).Seconds(), "o", ""})
	return b.String()
}

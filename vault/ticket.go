package vault

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"kitekey/kite"
)

// Ticket is the report as a block of text to paste into a ticket: the same from
// the screen and from the command line, every line always there, "-" where
// nothing is known. There is no secret in it. version is kitekey's own.
func (r Report) Ticket(version string) string {
	verdict, status, skew, latency, hint, detail := r.Verdict.Words(), "", "", "", "", ""
	if machine := string(r.Verdict); machine != verdict && machine != "" {
		verdict = machine + " (" + verdict + ")"
	}
	if r.Status != 0 {
		// Only a reply tells the gateway's clock.
		status, skew = fmt.Sprint(r.Status), fmt.Sprintf("%d s", int64(r.Skew.Round(time.Second)/time.Second))
	}
	if r.Latency > 0 {
		latency = fmt.Sprintf("%d ms", max(r.Latency.Milliseconds(), 1))
	}
	if r.KeyHint != "" {
		hint = "ends in " + r.KeyHint
	}
	if r.Err != nil {
		detail = r.Err.Error()
	}
	deep := "no"
	if r.Deep {
		deep = "yes"
	}
	var b strings.Builder
	b.WriteString("kitekey verification report\n")
	for _, line := range [][2]string{
		{"profile", r.Selector.String()},
		{"environment", string(r.Environment)},
		{"host", r.Host},
		{"verdict", verdict},
		{"http status", status},
		{"gateway said", r.Message},
		{"detail", detail},
		{"clock skew", skew},
		{"latency", latency},
		{"api_key", hint},
		{"token tried", deep},
		{"checked at", r.At.UTC().Format(time.RFC3339)},
		{"kitekey", version + " " + runtime.GOOS + "/" + runtime.GOARCH},
	} {
		text := strings.Join(strings.Fields(kite.CleanText(line[1])), " ")
		if text == "" {
			text = "-"
		}
		fmt.Fprintf(&b, "  %-12s  %s\n", line[0], text)
	}
	return b.String()
}

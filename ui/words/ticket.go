package words

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"kitekey/vault"
)

// Ticket returns a report as a block of text to paste into a ticket. It is the same
// from the screen and from the command line; it has every line always, with "-" for
// what is not known. It holds no secret. version is kitekey's own.
func Ticket(r vault.Report, version string) string {
	verdict, status, skew, latency, hint, detail := Verdict(r.Verdict, r.Store).Word, "", "", "", "", ""
	if code := string(r.Verdict); code != verdict && code != "" {
		verdict = code + " (" + verdict + ")"
	}
	if r.Status != 0 {
		// Only a reply tells the gateway's clock.
		status, skew = fmt.Sprint(r.Status), fmt.Sprintf("%d s", int64(r.Skew.Round(time.Second)/time.Second))
	}
	if r.Latency > 0 {
		latency = Latency(r.Latency)
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
		{"kept in", KeptIn(r.Store, r.Source)},
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
		text := Line(line[1])
		if text == "" {
			text = "-"
		}
		fmt.Fprintf(&b, "  %-12s  %s\n", line[0], text)
	}
	return b.String()
}

// Tickets returns one [Ticket] per report.
func Tickets(reports []vault.Report, version string) string {
	var blocks []string
	for _, r := range reports {
		blocks = append(blocks, Ticket(r, version))
	}
	return strings.Join(blocks, "\n")
}

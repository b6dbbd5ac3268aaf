package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"kitekey/kite"
	"kitekey/vault"
)

// checkCut fails if a line is wider than w cells, or if the two long names are the same.
func checkCut(t *testing.T, text string, w int) {
	t.Helper()
	first := map[string]bool{}
	for line := range strings.Lines(text) {
		if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > w {
			t.Errorf("%d cells on a terminal of %d: %q", n, w, line)
		}
		first[strings.Fields(line)[0]] = true
	}
	if len(first) != strings.Count(text, "\n") || !strings.Contains(text, "…") {
		t.Errorf("names are not apart in %d cells:\n%s", w, text)
	}
}

// longAccounts returns a short name and two of 64 characters that differ at the end.
func longAccounts() []string {
	return []string{"acme", strings.Repeat("long-", 12) + "name", strings.Repeat("long-", 12) + "next"}
}

func TestList_LongNamesAreCutToTheTerminal(t *testing.T) {
	for _, w := range []int{80, 96, 120} {
		rows := [][]string{{"PROFILE", "VERDICT", "VERIFIED", "TOKEN", "KEY", "LABEL"}}
		for _, account := range longAccounts() {
			rows = append(rows, []string{account + "/live", "unreachable", "4 min ago", "-", "····dbox", "珊瑚商店株式会社 " + strings.Repeat("label ", 9)})
		}
		cutRows(rows, w)
		checkCut(t, unindented(table(rows))+"\n", w)
	}
}

func TestVerify_LongNamesAreCutToTheTerminal(t *testing.T) {
	var sels []vault.Selector
	for _, account := range longAccounts() {
		sels = append(sels, vault.Selector{Account: account, Environment: kite.Live})
	}
	for _, cells := range []int{80, 120} {
		var out bytes.Buffer
		w := newReportWriter(&app{System: System{Stdout: &out}}, verifyOptions{form: verifyTable})
		w.begin(sels)
		w.cutTo(cells, sels)
		for _, sel := range sels {
			w.add(verified{Report: vault.Report{Selector: sel, Verdict: vault.VerdictRejected, Status: 401, Message: strings.Repeat("the gateway's words ", 5)}})
		}
		checkCut(t, out.String(), cells)
	}
}

func TestVerify_NamesAreWholeInAPipe(t *testing.T) {
	var out bytes.Buffer
	sel := vault.Selector{Account: longAccounts()[1], Environment: kite.Live}
	w := newReportWriter(&app{System: System{Stdout: &out}}, verifyOptions{form: verifyTable})
	w.begin([]vault.Selector{sel})
	w.add(verified{Report: vault.Report{Selector: sel, Verdict: vault.VerdictUnreachable, Host: "api.example"}})
	if !strings.HasPrefix(out.String(), sel.String()+"  unreachable ") {
		t.Error(out.String())
	}
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"kitekey/ui/handout"
	"kitekey/ui/words"
	"kitekey/vault"
)

// planWords says what a step will do.
func planWords(s vault.ImportStep, onConflict string) string {
	switch s.Finding {
	case vault.ImportNew:
		return "new, will be added"
	case vault.ImportSame:
		return "the same credential is stored already"
	case vault.ImportLost:
		return "listed without its credential; will get this one"
	}
	differ := fmt.Sprintf("another credential is stored (%s; the file has %s)", hint(s.Present.KeyHint), hint(s.Entry.Current.Hint()))
	switch onConflict {
	case onConflictSkip:
		return differ + ", will be kept"
	case onConflictReplace:
		return differ + ", will be replaced and become the previous one"
	}
	return differ
}

// confirmImport asks for the confirmations that an import needs. It returns the
// conflicts to skip.
func (a *app) confirmImport(ctx context.Context, steps []vault.ImportStep, o importOptions) (skipped map[vault.Selector]bool, err error) {
	skipped, err = a.settleConflicts(ctx, steps, o)
	if err != nil {
		return nil, err
	}
	changes := 0
	var replaced []vault.Selector
	for _, s := range steps {
		if s.Finding == vault.ImportSame || skipped[s.Entry.Selector] {
			continue
		}
		changes++
		if s.Finding == vault.ImportConflict {
			replaced = append(replaced, s.Entry.Selector)
		}
	}
	if changes == 0 {
		return skipped, nil
	}
	if err := a.confirmLive(ctx, handout.Replace, o.confirm, replaced...); err != nil {
		return nil, err
	}
	if o.yes {
		return skipped, nil
	}
	return skipped, a.confirmYes(ctx, fmt.Sprintf("Import %s?", words.Count(changes, "credential")), "nothing was imported")
}

// settleConflicts decides about profiles that have another credential already, and
// returns those that keep theirs.
func (a *app) settleConflicts(ctx context.Context, steps []vault.ImportStep, o importOptions) (map[vault.Selector]bool, error) {
	skipped := map[vault.Selector]bool{}
	var open []vault.Selector
	for _, s := range steps {
		if s.Finding != vault.ImportConflict {
			continue
		}
		switch o.onConflict {
		case onConflictSkip:
			skipped[s.Entry.Selector] = true
		case "":
			open = append(open, s.Entry.Selector)
		}
	}
	if len(open) > 0 && !a.canAsk() {
		return nil, unconfirmedf("nothing was imported; %s: choose --on-conflict skip or --on-conflict replace", words.Count(len(open), "conflict"))
	}
	for _, sel := range open {
		answer, err := a.choose(ctx, fmt.Sprintf("%s: replace the stored credential (it becomes the previous one), or skip? [r/s] ", sel), "rs")
		if err != nil {
			return nil, err
		}
		if answer == 's' {
			skipped[sel] = true
		}
	}
	return skipped, nil
}

// importSteps carries out the steps up to the first failure. Repeating the same
// import continues there, because the steps that are done are "the same" by then.
func (a *app) importSteps(ctx context.Context, v *vault.Vault, steps []vault.ImportStep, skipped map[vault.Selector]bool, o importOptions) error {
	counts := map[string]int{}
	progress := a.progress("imported")
	for i, s := range steps {
		progress.show(i, len(steps))
		s.Source = o.source
		done := map[vault.ImportFinding]string{vault.ImportNew: "added", vault.ImportSame: "kept", vault.ImportConflict: "replaced", vault.ImportLost: "restored"}[s.Finding]
		if skipped[s.Entry.Selector] {
			done = "skipped"
		} else if err := v.Import(ctx, s); err != nil {
			progress.clear()
			a.note("%s", importSummary(counts))
			return vault.About(s.Entry.Selector, err)
		}
		counts[done]++
		if o.json {
			progress.clear()
			if err := a.printStep(s, done); err != nil {
				return err
			}
		}
	}
	progress.clear()
	a.note("%s", importSummary(counts))
	if counts["added"]+counts["replaced"]+counts["restored"] > 0 {
		a.note(`not verified: "kitekey verify --all" tries them`)
	}
	return nil
}

func importSummary(counts map[string]int) string {
	var parts []string
	for _, word := range []string{"added", "replaced", "restored", "skipped", "kept"} {
		if n := counts[word]; n > 0 {
			text := fmt.Sprintf("%d %s", n, word)
			if word == "kept" {
				text = fmt.Sprintf("%d already stored", n)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "nothing was imported"
	}
	return strings.Join(parts, ", ")
}

// printPlan prints what an import would do.
func (a *app) printPlan(steps []vault.ImportStep, o importOptions) error {
	for _, s := range steps {
		if o.json {
			if err := a.printStep(s, ""); err != nil {
				return err
			}
		} else if err := a.print("%s: %s\n", s.Entry.Selector, planWords(s, o.onConflict)); err != nil {
			return err
		}
	}
	return nil
}

// importJSON is the result for one profile.
type importJSON struct {
	profileRef
	Finding       string  `json:"finding"` // new, same, conflict, lost
	Result        *string `json:"result"`  // null for a dry run
	KeyHint       *string `json:"key_hint"`
	StoredKeyHint *string `json:"stored_key_hint"` // before the import
}

func (a *app) printStep(s vault.ImportStep, result string) error {
	return a.printJSON(importJSON{refTo(s.Entry.Selector), string(s.Finding), orNull(result), orNull(s.Entry.Current.Hint()), orNull(s.Present.KeyHint)})
}

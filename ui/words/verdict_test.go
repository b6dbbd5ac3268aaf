package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kitekey/vault"
)

// declared returns every constant of type Verdict from vault's source, so that the
// test cannot miss a new one.
func declared(t *testing.T) []vault.Verdict {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../vault/verdict.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []vault.Verdict
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.ValueSpec); ok {
			if name, ok := c.Type.(*ast.Ident); ok && name.Name == "Verdict" {
				text, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, vault.Verdict(text))
			}
		}
		return true
	})
	if len(out) < 5 {
		t.Fatalf("%d verdicts found", len(out))
	}
	return out
}

func TestVerdict_EveryOneHasAllItsWords(t *testing.T) {
	all := declared(t)
	seen := map[string]vault.Verdict{}
	for _, v := range all {
		w, ok := verdicts[v]
		switch {
		case !ok:
			t.Errorf("%q is not in the table", v)
			continue
		case v != vault.VerdictNone && !slices.Contains(vault.Verdicts, v):
			t.Errorf("%q is not in vault.Verdicts", v)
		case w.Word == "" || w.Short == "" || w.Brief == "" || w.Meaning == "" || w.next == "":
			t.Errorf("%q lacks a word: %+v", v, w)
		case len(w.Short) > 9:
			t.Errorf("%q: %q is %d characters long", v, w.Short, len(w.Short))
		case (w.Exit == 0) != (w.Class == Good || w.Class == Unknown):
			t.Errorf("%q ends with %d", v, w.Exit)
		case w.Class == Doubtful && !strings.Contains(w.Meaning, "not verified"):
			t.Errorf("%q sounds as if the credential had been verified: %s", v, w.Meaning)
		}
		for _, text := range []string{w.Word, w.Short, w.Brief, w.Meaning, w.next} {
			if other, ok := seen[text]; ok && other != v {
				t.Errorf("%q and %q are both %q", v, other, text)
			}
			seen[text] = v
		}
		full := Verdict(v, "file")
		for _, text := range []string{full.Word, full.Brief, full.Meaning, Keys().fill(full.next), Commands("acme").fill(full.next)} {
			if strings.ContainsAny(text, "{}") {
				t.Errorf("%q: a placeholder is left in %q", v, text)
			}
		}
	}
	if len(verdicts) != len(all) || len(VerdictsByClass()) != len(all) {
		t.Errorf("%d in the table, %d by class, %d declared", len(verdicts), len(VerdictsByClass()), len(all))
	}
}

// A locked file store is not a locked keyring.
func TestVerdict_NamesTheStore(t *testing.T) {
	for store, want := range map[string]string{
		"keyring": "the keyring is locked", "file": "the file store is locked", "": "the store is locked",
	} {
		w := Verdict(vault.VerdictStoreLocked, store)
		if w.Word != want {
			t.Errorf("%q: %q", store, w.Word)
		}
		if store == "file" && (strings.Contains(w.Meaning, "keyring") || strings.Contains(Keys().fill(w.next), "keyring")) {
			t.Errorf("the file store's lock speaks of a keyring: %+v", w)
		}
	}
}

func TestTally_CountsFailingFirst(t *testing.T) {
	got := strings.Join(Tally(map[vault.Verdict]int{vault.VerdictOK: 7, vault.VerdictStoreLocked: 2, vault.VerdictRejected: 1}), ", ")
	if got != "1 refused, 2 locked, 7 work" {
		t.Error(got)
	}
}

func TestVerdict_UnknownOneHasWordsToo(t *testing.T) {
	if w := Verdict("brand-new\x1b[31m", ""); w.Word != "brand-new" && w.Word != "brand-new[31m" || w.Exit == 0 || Keys().fill(w.next) == "" {
		t.Errorf("%+v", w)
	}
}

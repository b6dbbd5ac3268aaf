package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tree has the names in the repository that documents may mention.
type tree struct {
	paths map[string]bool            // files and folders, from the root
	files map[string]bool            // the files' own names
	names map[string]bool            // declared in Go, with and without their type or package
	tests map[string]map[string]bool // test functions by folder
}

func readTree(t *testing.T) tree {
	t.Helper()
	r := tree{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		name, _ := filepath.Rel(root, file)
		name = filepath.ToSlash(name)
		r.paths[name], r.files[path.Base(name)] = true, true
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			r.declarations(t, file, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r tree) declarations(t *testing.T, file, folder string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			r.names[n.Name.Name], r.names[path.Base(folder)+"."+n.Name.Name] = true, true
			if n.Recv != nil {
				of := n.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if of, ok := of.(*ast.Ident); ok {
					r.names[of.Name+"."+n.Name.Name], r.names[path.Base(folder)+"."+of.Name+"."+n.Name.Name] = true, true
				}
			} else if strings.HasPrefix(n.Name.Name, "Test") || strings.HasPrefix(n.Name.Name, "Benchmark") {
				if r.tests[folder] == nil {
					r.tests[folder] = map[string]bool{}
				}
				r.tests[folder][n.Name.Name] = true
			}
		case *ast.TypeSpec:
			r.names[n.Name.Name], r.names[path.Base(folder)+"."+n.Name.Name] = true, true
		case *ast.ValueSpec:
			for _, name := range n.Names {
				r.names[name.Name], r.names[path.Base(folder)+"."+name.Name] = true, true
			}
		case *ast.Field:
			for _, name := range n.Names {
				r.names[name.Name] = true
			}
		case *ast.AssignStmt, *ast.BlockStmt:
			return false // names inside functions are not for documents
		}
		return true
	})
}

// hasTest reports whether a folder, or any if it is "", has a test or a benchmark
// that the pattern of -run selects.
func (r tree) hasTest(folder, pattern string) bool {
	selects := regexp.MustCompile(pattern)
	for of, tests := range r.tests {
		for name := range tests {
			if (folder == "" || of == folder) && selects.MatchString(name) {
				return true
			}
		}
	}
	return false
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	place     = regexp.MustCompile(`(?:^|[^\w./~$-])((?:\.ci|\.github|\.picture|kite|vault|ui)/[\w./-]*[\w/]|[a-z][a-z_]*\.go\b)`)
	testNamed = regexp.MustCompile(`\bTest[A-Z]\w*…?`)
	testRun   = regexp.MustCompile(`(?:go test|all) ([^#\n]*-(?:run|bench) .*)`)
	selection = regexp.MustCompile(`-(?:run|bench) '?([^' ]+)`)
	folderArg = regexp.MustCompile(`\./([\w./-]+)`)
	code      = regexp.MustCompile("`([^`\n]+)`")
	goName    = regexp.MustCompile(`^\*?(?:[a-z]+[A-Z]\w*|(?:kite|vault|words|handout|clipboard|Vault|Client|TokenInfo|storetest)\.[A-Z][\w.]*)(?:\(.*\))?$`)
)

// The documents and scripts name files, links, tests and declarations that exist.
func TestDocuments_NameOnlyWhatExists(t *testing.T) {
	r := readTree(t)
	documents, _ := filepath.Glob(filepath.Join(root, ".github", "*.md"))
	templates, _ := filepath.Glob(filepath.Join(root, ".github", "*", "*.yml"))
	scripts, _ := filepath.Glob(filepath.Join(root, ".ci", "*"))
	for _, file := range append(append(append(documents, templates...), scripts...), filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(root, file)
		name = filepath.ToSlash(name)
		for _, wrong := range r.missing(name, string(raw)) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// The check finds each kind of name that does not exist.
func TestDocuments_CheckFindsWhatIsMissing(t *testing.T) {
	r := readTree(t)
	for text, want := range map[string]string{
		"[a](CONTRIBUTING.md) `ui/tui/keys.go` (keys.go) `TestDocuments_NameOnlyWhatExists` `Vault.Token`": "",
		"[a](GONE.md)":                           "link GONE.md",
		"[a](CONTRIBUTING.md#gone)":              "heading gone",
		"see vault/gone/":                        "path vault/gone",
		"see `ui/tui/gone.go`":                   "path ui/tui/gone.go",
		"see (gone.go)":                          "file gone.go",
		"`TestGone_Behaviour`":                   "test TestGone_Behaviour",
		"`TestGone_…`":                           "test TestGone_…",
		"go test ./ui/words -run Gone # comment": "-run Gone",
		"go test ./kite -run Documents":          "-run Documents",
		"`Vault.Gone`":                           "name Vault.Gone",
		"`goneName`":                             "name goneName",
	} {
		if got := strings.Join(r.missing(".github/X.md", text), ", "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// missing returns what a document names and the tree does not have.
func (r tree) missing(document, text string) (all []string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, ":") {
			continue
		}
		to := document
		if target != "" {
			to = path.Join(path.Dir(document), target)
		}
		if !r.paths[to] {
			all = append(all, "link "+m[1])
		} else if anchor != "" && !hasHeading(to, anchor) {
			all = append(all, "heading "+anchor)
		}
	}
	for _, m := range place.FindAllStringSubmatch(text, -1) {
		switch p := strings.TrimSuffix(m[1], "/"); {
		case strings.HasSuffix(p, "/..."):
		case strings.Contains(p, "/") && !r.paths[p]:
			all = append(all, "path "+p)
		case !strings.Contains(p, "/") && !r.files[p]:
			all = append(all, "file "+p)
		}
	}
	for _, name := range testNamed.FindAllString(text, -1) {
		pattern := "^" + name + "$"
		if prefix, cut := strings.CutSuffix(name, "…"); cut {
			pattern = "^" + prefix
		}
		if name != "TestDeleteatFallback" && !r.hasTest("", pattern) { // a variable of Go's own
			all = append(all, "test "+name)
		}
	}
	for _, m := range testRun.FindAllStringSubmatch(text, -1) {
		which, where := selection.FindStringSubmatch(m[1]), folderArg.FindStringSubmatch(m[1])
		if where != nil && !strings.Contains(which[1], "$") && !r.hasTest(strings.TrimSuffix(where[1], "/"), which[1]) {
			all = append(all, "-run "+which[1])
		}
	}
	if strings.HasSuffix(document, ".md") {
		for _, m := range code.FindAllStringSubmatch(text, -1) {
			if goName.MatchString(m[1]) && !r.names[strings.TrimPrefix(before(m[1], "("), "*")] {
				all = append(all, "name "+m[1])
			}
		}
	}
	return all
}

func before(s, sep string) string { s, _, _ = strings.Cut(s, sep); return s }

// hasHeading reports whether a document has the heading of an anchor, in GitHub's
// form: lower case, hyphens for spaces, no punctuation.
func hasHeading(document, anchor string) bool {
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(document)))
	if err != nil {
		return false
	}
	for _, m := range heading.FindAllStringSubmatch(string(raw), -1) {
		name := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		if regexp.MustCompile(`[^\w-]`).ReplaceAllString(name, "") == anchor {
			return true
		}
	}
	return false
}

// Test names say which behaviour they check: TestThing_Behaviour.
func TestNames_SayABehaviour(t *testing.T) {
	behaviour := regexp.MustCompile(`^Test[A-Z]\w*_[A-Z]\w*$`)
	for folder, tests := range readTree(t).tests {
		for name := range tests {
			switch {
			case !strings.HasPrefix(name, "Test"), name == "TestMain":
			case name == "TestGoldenScreens": // the folder of its files has its name
			case !behaviour.MatchString(name):
				t.Errorf("%s: %s", folder, name)
			}
		}
	}
}

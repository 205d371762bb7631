package lint_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_es/lint"
	"out_es/test/support"
)

var update = flag.Bool("update", false, "write testdata's golden files")

// cases are the configurations of a folder of testdata.
func cases(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.conf", "*.yaml"} {
		found, err := filepath.Glob(filepath.Join("testdata", folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	all = slices.DeleteFunc(all, func(path string) bool { return strings.Contains(path, ".golden.") })
	if len(all) < 4 {
		t.Fatalf("testdata/%s has %d cases", folder, len(all))
	}
	return all
}

func setVariables(t *testing.T) {
	t.Helper()
	t.Setenv("OUTPUT", "es_go")
	t.Setenv("TIMEOUT", "soon")
}

// TestFindings has a configuration in each file of testdata/check, and its findings in the golden
// file beside it.
func TestFindings(t *testing.T) {
	setVariables(t)
	for _, path := range cases(t, "check") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			report, err := lint.File(path)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := lint.Write(&out, report.Findings, lint.Text); err != nil {
				t.Fatal(err)
			}
			support.CompareGolden(t, path+".golden", out.String(), *update)
		})
	}
}

// TestMigration has a configuration in each file of testdata/migrate, and beside it the result,
// with the open decisions at its end. The result must have no errors of the linter other than those
// that the migration names itself.
func TestMigration(t *testing.T) {
	for _, path := range cases(t, "migrate") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			migration, err := lint.Migrate(path)
			if err != nil {
				t.Fatal(err)
			}
			if migration.Sections == 0 {
				t.Error("nothing was rewritten")
			}
			extension := filepath.Ext(path)
			file := strings.TrimSuffix(path, extension) + ".golden" + extension
			support.CompareGolden(t, file, migration.Text, *update)
			report, err := lint.File(file)
			if err != nil {
				t.Fatal(err)
			}
			if report.Sections != migration.Sections {
				t.Errorf("%d sections were rewritten, %d are there", migration.Sections, report.Sections)
			}
			for _, f := range report.Findings {
				if f.Severity == lint.Error {
					t.Errorf("the new configuration has an error: %s", f)
				}
			}
			var left strings.Builder
			if err := lint.Write(&left, migration.ToCheck, lint.Text); err != nil {
				t.Fatal(err)
			}
			support.CompareGolden(t, path+".left.golden", left.String(), *update)
		})
	}
}

func TestMigrationOfWhatCannotBeRewritten(t *testing.T) {
	for name, text := range map[string]string{
		"braces.yaml": "pipeline:\n  outputs:\n    - {name: es, match: '*'}\n",
		"broken.conf": "[OUTPUT\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := lint.Migrate(path); err == nil {
			t.Errorf("%s became %q", name, m.Text)
		}
	}
	if _, err := lint.Migrate("testdata/none.conf"); err == nil {
		t.Error("a file that isn't there")
	}
	if _, err := lint.File("testdata/none.conf"); err == nil {
		t.Error("a file that isn't there")
	}
}

func TestFormats(t *testing.T) {
	found := []lint.Finding{{File: "a,b.conf", Line: 3, Severity: lint.Note, Rule: "rule", Message: "100% <of\nit>"}}
	for format, want := range map[lint.Format]string{
		lint.Text:   "a,b.conf:3: note: 100% <of\nit> [rule]\n",
		lint.JSON:   "[\n  {\n    \"file\": \"a,b.conf\",\n    \"line\": 3,\n    \"severity\": \"note\",\n    \"rule\": \"rule\",\n    \"message\": \"100% <of\\nit>\"\n  }\n]\n",
		lint.GitHub: "::notice file=a%2Cb.conf,line=3,title=out-es check rule::100%25 <of%0Ait>\n",
	} {
		var out strings.Builder
		if err := lint.Write(&out, found, format); err != nil || out.String() != want {
			t.Errorf("%s: %q, want %q (%v)", format, out.String(), want, err)
		}
	}
	var out strings.Builder
	if err := lint.Write(&out, nil, lint.JSON); err != nil || out.String() != "[]\n" {
		t.Errorf("no findings are %q (%v)", out.String(), err)
	}
	if err := lint.Write(&out, nil, "xml"); err == nil {
		t.Error("there is no xml")
	}
}

// TestEveryRuleIsExplained holds docs/lint.md to the rules that findings have.
func TestEveryRuleIsExplained(t *testing.T) {
	setVariables(t)
	guide, err := os.ReadFile("../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, path := range cases(t, "check") {
		report, err := lint.File(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			found[f.Rule] = true
		}
	}
	for rule := range found {
		if !strings.Contains(string(guide), "`"+rule+"`") {
			t.Errorf("docs/lint.md does not explain %s", rule)
		}
	}
	for _, rule := range []string{"syntax", "unknown-option", "reserved-option", "ignored-value", "comment", "quotes", "invalid-value", "match",
		"workers", "hot-reload", "data-loss", "duplicates", "daemon", "unset-variable"} {
		if !found[rule] {
			t.Errorf("no case of testdata/check has %s", rule)
		}
	}
}

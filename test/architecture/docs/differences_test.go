package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	differenceCase = regexp.MustCompile("(?m)^\\| `[a-z]+\\..* \\| ([^|]+) \\|$")
	firstCell      = regexp.MustCompile(`(?m)^\| ([^|]+) \|`)
)

// TestDifferencesAreExplained compares the subjects of the differences between the built-in outputs
// and es_go, which a test of test/e2e/documents finds, with the table in docs/migration.md.
func TestDifferencesAreExplained(t *testing.T) {
	cases, err := os.ReadFile(root + "test/e2e/documents/testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(root + "docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Differences in what arrives\n")
	explained := map[string]bool{}
	for _, match := range firstCell.FindAllStringSubmatch(table, -1) {
		explained[match[1]] = true
	}
	delete(explained, "subject")
	delete(explained, "---")
	found := map[string]bool{}
	for _, match := range differenceCase.FindAllStringSubmatch(string(cases), -1) {
		if found[match[1]] = true; !explained[match[1]] {
			t.Errorf("docs/migration.md has no row for %q", match[1])
		}
	}
	for subject := range explained {
		if !found[subject] {
			t.Errorf("no case differs in %q", subject)
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d subjects were found", len(found))
	}
}

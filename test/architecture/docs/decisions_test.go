package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// decisionWords is the maximum length of a decision's page: details belong to the code, figures to
// docs/benchmarks.md.
const decisionWords = 300

// TestDecisionsHaveTheUsualForm: each page of docs/adr has a context, a decision and its
// consequences, and is short.
func TestDecisionsHaveTheUsualForm(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/adr/0*.md")
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"\n**Context.**", "\n**Decision.**", "\n**Consequences.**"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no paragraph that begins with %s", page, strings.TrimSpace(part))
			}
		}
		if n := len(strings.Fields(string(text))); n > decisionWords {
			t.Errorf("%s has %d words, at most %d are allowed", page, n, decisionWords)
		}
	}
}

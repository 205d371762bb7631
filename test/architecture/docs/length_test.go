package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxWords is the length of all pages under docs/ together, decisions aside. Who adds a paragraph
// shortens another.
const maxWords = 30_000

func TestPagesStayShort(t *testing.T) {
	pages, err := filepath.Glob(root + "docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	words := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		words += len(strings.Fields(string(text)))
	}
	if words > maxWords {
		t.Errorf("docs/*.md have %d words, at most %d are allowed", words, maxWords)
	}
}

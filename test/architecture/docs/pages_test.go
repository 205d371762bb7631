// Package docs compares README and docs/ with the code: links have a target, commands exist,
// configurations are valid, and every message and metric is explained.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../../"

// pages are the Markdown files of the repository, relative to its folder.
func pages(t *testing.T) map[string]string {
	t.Helper()
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("no git, or no repository of it: %v", err)
	}
	all := map[string]string{}
	for path := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(root + path)
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(text)
	}
	if len(all) < 20 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	span    = regexp.MustCompile("`[^`\n]*`")
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names by which a page's headings can be linked to.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all[strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return all
}

// links are the targets of a page's links, except in code.
func links(text string) []string {
	var all []string
	for _, match := range link.FindAllStringSubmatch(span.ReplaceAllString(fence.ReplaceAllString(text, ""), ""), -1) {
		all = append(all, match[1])
	}
	return all
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all := pages(t)
	count := 0
	for page, text := range all {
		for _, target := range links(text) {
			count++
			if strings.HasPrefix(target, "https://") {
				continue // not ours to test
			}
			path, anchor, _ := strings.Cut(target, "#")
			to := page
			if path != "" {
				to = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(root + to); err != nil {
				t.Errorf("%s links to %s: there is no such file", page, target)
			} else if anchor != "" && !anchors(all[to])[anchor] {
				t.Errorf("%s links to %s: there is no such heading", page, target)
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d links were found", count)
	}
}

// TestEveryPageIsLinked walks from the README.
func TestEveryPageIsLinked(t *testing.T) {
	all := pages(t)
	seen := map[string]bool{"README.md": true}
	for todo := []string{"README.md"}; len(todo) > 0; todo = todo[1:] {
		for _, target := range links(all[todo[0]]) {
			path, _, _ := strings.Cut(target, "#")
			to := filepath.Join(filepath.Dir(todo[0]), path)
			if _, ok := all[to]; ok && !seen[to] {
				seen[to], todo = true, append(todo, to)
			}
		}
	}
	for page := range all {
		if !seen[page] && !strings.HasPrefix(page, ".github/") {
			t.Errorf("%s can't be reached from the README", page)
		}
	}
}

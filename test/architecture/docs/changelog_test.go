package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tags are those of Prometheus' changelog, in its order.
var tags = []string{"CHANGE", "FEATURE", "ENHANCEMENT", "PERF", "BUGFIX", "SECURITY"}

var change = regexp.MustCompile(`^- \[([A-Z]+)\] ([^:]+): \S`)

// TestChangelogIsOrderedByTagAndArea holds each version of CHANGELOG.md to lines of the form
// "- [TAG] Area: text", ordered by tag, with the lines of an area together.
func TestChangelogIsOrderedByTagAndArea(t *testing.T) {
	text, err := os.ReadFile(root + "CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	last, area := 0, ""
	done := map[string]bool{} // areas of the present tag that have ended
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "## ") {
			last, area, done = 0, "", map[string]bool{}
			continue
		}
		if !strings.HasPrefix(line, "-") && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "###") {
			continue
		}
		match := change.FindStringSubmatch(line)
		if match == nil {
			t.Errorf("CHANGELOG.md:%d: want \"- [TAG] Area: text\", in one line: %.60s", i+1, line)
			continue
		}
		tag := slices.Index(tags, match[1])
		if tag < last {
			t.Errorf("CHANGELOG.md:%d: the tag %s is not one of %v in this order", i+1, match[1], tags)
		}
		if tag != last {
			last, area, done = tag, "", map[string]bool{}
		}
		if match[2] != area {
			done[area] = true
			area = match[2]
		}
		if done[area] {
			t.Errorf("CHANGELOG.md:%d: the lines of %s are not together", i+1, area)
		}
	}
}

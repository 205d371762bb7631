package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTableIsCompared renders the results of two subjects, and compares each with the page.
func TestTableIsCompared(t *testing.T) {
	s := suite{cases: []testCase{
		{title: "all of it", tests: []string{"TestA", "TestB"}},
		{title: "a part", tests: []string{"TestC"}},
		{title: "once", tests: []string{"TestD"}, once: true},
	}}
	run := func(subject string, c outcome) subjectRun {
		return subjectRun{subject: subject, results: map[string]result{
			"TestA": {outcome: passed}, "TestB": {outcome: passed}, "TestC": {outcome: c, reason: "it has none"}, "TestD": {outcome: passed},
		}}
	}
	skips := run("old", skipped)
	passes := run("new", passed)
	passes.results["TestC"] = result{outcome: passed}
	text := s.table([]subjectRun{passes, skips})
	for _, want := range []string{"\n- all of it\n", "\n| | new | old |\n", "\n| a part | yes | no (1) |\n", "\n| once | yes | |\n", "\n(1) it has none.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.compareColumns(page, []subjectRun{passes, skips}); err != nil {
		t.Errorf("the page differs from its own runs: %v", err)
	}
	skips.results["TestB"] = result{outcome: skipped}
	if err := s.compareColumns(page, []subjectRun{skips}); err == nil || !strings.Contains(err.Error(), "all of it") {
		t.Errorf("a case that all passed is skipped now: %v", err)
	}
	passes.results["TestC"] = result{outcome: skipped}
	if err := s.compareColumns(page, []subjectRun{passes}); err == nil || !strings.Contains(err.Error(), "a part") {
		t.Errorf("a case of the table is skipped now: %v", err)
	}
}

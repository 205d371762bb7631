package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCountRecords(t *testing.T) {
	examples := t.TempDir()
	files := map[string]string{
		"containers/a.log": "t stdout F one\nt stdout P two, first\nt stdout P two, second\nt stdout F two, last\nt stderr F \n",
		"containers/b.log": "t stdout F without a newline at the end",
		"web/access.log":   "t stdout P no CRI here\nline\n",
		"web/empty.log":    "",
		"web/other.txt":    "not a log\n",
	}
	for name, content := range files {
		path := filepath.Join(examples, "logs", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := countRecords(examples); got != 6 || err != nil {
		t.Errorf("%d records, %v; want 6", got, err)
	}
	if _, err := countRecords(t.TempDir()); err == nil || !strings.Contains(err.Error(), "examples/generate") {
		t.Errorf("no logs at all: %v", err)
	}
}

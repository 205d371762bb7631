package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readAll returns every file below dir by its path there.
func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[relative], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheCommittedSampleIsWhatIsGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir, 1, 5000, 8); err != nil {
		t.Fatal(err)
	}
	want, have := readAll(t, dir), readAll(t, filepath.Join("..", "logs"))
	for name, content := range want {
		if !bytes.Equal(have[name], content) {
			t.Errorf("%s differs: `go run ./examples/generate` writes it again", name)
		}
	}
	if len(have) != len(want) {
		t.Errorf("examples/logs holds %d files, generated are %d: delete the others", len(have), len(want))
	}
}

func TestLinesAreExactlyAsManyAsRequested(t *testing.T) {
	for _, c := range []struct{ lines, pods int }{{1, 1}, {7, 3}, {1000, 1}, {12_345, 20}} {
		dir := t.TempDir()
		if err := generate(dir, 3, c.lines, c.pods); err != nil {
			t.Fatal(err)
		}
		got := 0
		for name, content := range readAll(t, dir) {
			if strings.HasSuffix(name, ".log") {
				got += bytes.Count(content, []byte("\n"))
			}
		}
		if got != c.lines {
			t.Errorf("%d lines asked for, %d written", c.lines, got)
		}
	}
}

var (
	kubeletName = regexp.MustCompile(`^[a-z0-9-]+_[a-z0-9-]+_[a-z0-9-]+-[0-9a-f]{64}\.log$`)
	criLine     = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([PF]) (.*)$`)
	clfLine     = regexp.MustCompile(`^[0-9.]+ - - \[\d\d/Jul/2017:\d\d:\d\d:\d\d \+0000\] "[^"]*" \d{3} \d+( "[^"]*" "[^"]*")?$`)
)

func TestContainerLinesAreCRI(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir, 2, 20_000, 8); err != nil {
		t.Fatal(err)
	}
	parts, objects := 0, 0
	var messages strings.Builder
	for path, content := range readAll(t, filepath.Join(dir, "containers")) {
		if !kubeletName.MatchString(path) {
			t.Errorf("no name of the kubelet's: %s", path)
		}
		last, whole := "", ""
		for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			match := criLine.FindStringSubmatch(line)
			if match == nil {
				t.Fatalf("%s: not CRI: %q", path, line)
			}
			whole += match[4]
			if match[3] == "P" {
				parts++
				continue
			}
			if match[1] <= last {
				t.Fatalf("%s: %s comes after %s", path, match[1], last)
			}
			if strings.HasPrefix(whole, "{") {
				if !json.Valid([]byte(whole)) {
					t.Fatalf("%s: not JSON: %q", path, whole)
				}
				objects++
			}
			last = match[1]
			messages.WriteString(whole[:min(len(whole), 60)] + "\n")
			whole = ""
		}
	}
	if parts == 0 || objects < 2500 {
		t.Errorf("%d lines in parts, %d JSON objects; want some, and 2,500 or more", parts, objects)
	}
	for _, expected := range []string{"Traceback", "\tat com.example", "Caused by:", "goroutine ", "寿司", "level=warn"} {
		if !strings.Contains(messages.String(), expected) {
			t.Errorf("no %q among the messages", expected)
		}
	}
}

func TestWebLinesAreCombinedOrCommon(t *testing.T) {
	web := readAll(t, filepath.Join("..", "logs", "web"))
	seen := map[string]bool{}
	twins := 0
	for path, content := range web {
		for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			if !clfLine.MatchString(line) {
				t.Errorf("%s: not an access line: %q", path, line)
			}
			if seen[line] {
				twins++
			}
			seen[line] = true
		}
	}
	if !seen[`10.1.8.10 - - [07/Jul/2017:16:47:12 +0000] "GET /ping HTTP/1.1" 200 68`] {
		t.Error("the line every reader looks for is missing")
	}
	if twins == 0 {
		t.Error("no two lines are the same; some should be")
	}
}

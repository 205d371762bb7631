package deadletter

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAppendLetterKeepsTheDocumentToTheByte(t *testing.T) {
	document := `{"a":"quote \" slash \\ café","n":1e3}`
	letter := AppendLetter(nil, Letter{
		Index: "logs", ID: []byte(`"id \"1\""`), Tag: "a.b", EventTime: time.Unix(1, 5), Status: 400,
		Type: "document_parsing_exception", Reason: "failed to parse field [a]: 'x'", RefusedAt: time.Unix(2, 0), Document: []byte(document),
	})
	if bytes.ContainsRune(letter, '\n') {
		t.Error("a letter must be one line")
	}
	var got map[string]any
	if err := json.Unmarshal(letter, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"@timestamp": "1970-01-01T00:00:02Z", "index": "logs", "id": `id "1"`, "tag": "a.b", "event_time": "1970-01-01T00:00:01.000000005Z",
		"status": 400.0, "type": "document_parsing_exception", "reason": "failed to parse field [a]: 'x'", "document": document,
	}
	if len(got) != len(want) {
		t.Errorf("the letter has fields %v", got)
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func write(t *testing.T, f *File, lines string) (removed bool) {
	t.Helper()
	removed, err := f.Write([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFileAppendsAcrossRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "dead.ndjson")
	for _, line := range []string{"one\n", "two\n"} {
		f := open(t, path)
		write(t, f, line)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, path); got != "one\ntwo\n" {
		t.Errorf("the file holds %q", got)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}

func TestFileHasOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	first := open(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "give each its own") {
		t.Errorf("a second writer got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path) // the lock is free again
}

func TestFileRotatesAndDropsTheOldest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	f := open(t, path)
	for generation := range keptFiles + 3 {
		f.size = fileBytes // as if it were full
		removed := write(t, f, strings.Repeat("x", generation+1)+"\n")
		// The first rotation sets an empty file aside.
		if want := generation > keptFiles-1; removed != want {
			t.Errorf("generation %d: removed is %v, want %v", generation, removed, want)
		}
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + keptFiles + 1; len(files) != want { // with the lock
		t.Errorf("%d files, want %d: %v", len(files), want, files)
	}
	if got, want := content(t, path+".1"), strings.Repeat("x", keptFiles+2)+"\n"; got != want {
		t.Errorf("the last one set aside holds %q, want %q", got, want)
	}
}

func TestFileTakesBackWhatItCouldNotWriteWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	f := open(t, path)
	write(t, f, "one\n")
	whole := f.file
	broken, err := os.Open(path) // can't be written
	if err != nil {
		t.Fatal(err)
	}
	f.file = broken
	if _, err := f.Write([]byte("two\n")); err == nil {
		t.Error("a write that failed is reported as done")
	}
	f.file = whole
	write(t, f, "three\n")
	if got := content(t, path); got != "one\nthree\n" {
		t.Errorf("the file holds %q", got)
	}
}

package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAppendRecordKeepsTheDocumentToTheByte(t *testing.T) {
	document := `{"a":"quote \" slash \\ café","n":1e3}`
	letter := AppendRecord(nil, Record{
		Index: "logs", ID: []byte(`"id \"1\""`), Tag: "a.b", EventTime: time.Unix(1, 5), Status: 400,
		Type: "document_parsing_exception", Reason: "failed to parse field [a]: 'x'", RejectedAt: time.Unix(2, 0), Document: []byte(document),
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

func TestInUseWhileAnOutputWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	if InUse(path) {
		t.Error("before there is a file")
	}
	f := open(t, path)
	write(t, f, "one\n")
	if !InUse(path) {
		t.Error("not while the output has it")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if InUse(path) {
		t.Error("after the output's end")
	}
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
	for generation := range maxRotatedFiles + 3 {
		f.size = fileBytes // as if it were full
		removed := write(t, f, strings.Repeat("x", generation+1)+"\n")
		// The first rotation sets an empty file aside.
		if want := generation > maxRotatedFiles-1; removed != want {
			t.Errorf("generation %d: removed is %v, want %v", generation, removed, want)
		}
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + maxRotatedFiles + 1; len(files) != want { // with the lock
		t.Errorf("%d files, want %d: %v", len(files), want, files)
	}
	if got, want := content(t, path+".1"), strings.Repeat("x", maxRotatedFiles+2)+"\n"; got != want {
		t.Errorf("the last one set aside holds %q, want %q", got, want)
	}
}

// Names survive a crash of the machine only once their folder is synced: behind the creation of the
// file, and behind its rotation, before the line that was waiting for it counts as written.
func TestAFolderIsSyncedBehindEachNewName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dead.ndjson")
	var synced [][]string // the names at each sync
	fails := false
	f := &File{path: path, syncFolder: func(folder string) error {
		if fails {
			return syscall.EIO
		}
		names, err := filepath.Glob(filepath.Join(folder, "*.ndjson*"))
		for i := range names {
			names[i] = filepath.Base(names[i])
		}
		synced = append(synced, names)
		return err
	}}
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	write(t, f, "one\n")
	f.size = fileBytes // as if it were full
	write(t, f, "two\n")
	file, lock := "dead.ndjson", "dead.ndjson"+LockSuffix
	if want := [][]string{{file, lock}, {file, file + ".1", lock}}; !reflect.DeepEqual(synced, want) {
		t.Errorf("synced with %v, want %v", synced, want)
	}
	f.size, fails = fileBytes, true
	if _, err := f.Write([]byte("three\n")); !errors.Is(err, syscall.EIO) {
		t.Errorf("a line in a file whose name may be lost counts as written: %v", err)
	}
	fails = false
	write(t, f, "three\n")
	if got := content(t, path); got != "three\n" {
		t.Errorf("the file holds %q", got)
	}
}

func TestPartialWritesAreUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	f := open(t, path)
	write(t, f, "one\n")
	whole := f.file
	broken, err := os.Open(path) // can't be written, nor cut
	if err != nil {
		t.Fatal(err)
	}
	f.file = broken
	if _, err := f.Write([]byte("two\n")); err == nil {
		t.Error("a write that failed is reported as done")
	}
	if _, err := whole.WriteString("two\ntor"); err != nil { // as if half of it had been written
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("two\n")); err == nil {
		t.Error("nothing may follow what could not be cut off")
	}
	f.file = whole
	write(t, f, "three\n")
	if got := content(t, path); got != "one\nthree\n" {
		t.Errorf("the file holds %q", got)
	}
}

// The torn end that a process leaves when it dies while it writes was never
// acknowledged, and must not swallow the record that follows.
func TestATornLineIsCutOffWhenTheFileIsOpened(t *testing.T) {
	long := strings.Repeat("x", 3*searchWindow/2)
	for _, test := range []struct{ name, before, kept string }{
		{"nothing", "", ""},
		{"whole lines", "one\ntwo\n", "one\ntwo\n"},
		{"a torn one behind others", "one\ntwo\nthr", "one\ntwo\n"},
		{"nothing but a torn one", "on", ""},
		{"a torn one that is longer than what is read at a time", "one\n" + long, "one\n"},
		{"a long line that is whole", long + "\n", long + "\n"},
		{"a newline where a piece begins", "one\n" + strings.Repeat("x", searchWindow), "one\n"},
		{"a newline where a piece ends", "one\n" + strings.Repeat("x", searchWindow-1), "one\n"},
	} {
		path := filepath.Join(t.TempDir(), "dead.ndjson")
		if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, path)
		write(t, f, "next\n")
		if got := content(t, path); got != test.kept+"next\n" {
			t.Errorf("%s: the file has %d bytes, want %d and the next line", test.name, len(got), len(test.kept))
		}
		if want := int64(len(test.kept) + len("next\n")); f.size != want {
			t.Errorf("%s: its size is taken for %d, want %d", test.name, f.size, want)
		}
	}
}

// The same holds where a file comes back after it was moved away.
func TestATornFileThatIsPutInPlaceIsCutBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	f := open(t, path)
	write(t, f, "one\n")
	if err := os.WriteFile(path+".torn", []byte("two\nthr"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".torn", path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "four\n")
	if got := content(t, path); got != "two\nfour\n" {
		t.Errorf("the file holds %q", got)
	}
}

// A closed file is another instance's to write.
func TestNothingIsWrittenAfterClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	f := open(t, path)
	write(t, f, "one\n")
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, open(t, path), "two\n")
	if _, err := f.Write([]byte("three\n")); !errors.Is(err, ErrClosed) {
		t.Errorf("a write to the closed file: %v", err)
	}
	if got := content(t, path); got != "one\ntwo\n" {
		t.Errorf("the file holds %q", got)
	}
}

// The folder comes back with the next record, lock and all.
func TestAFolderThatIsRemovedComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead", "dead.ndjson")
	f := open(t, path)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	write(t, f, "one\n")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "give each its own") {
		t.Errorf("a second writer got %v", err)
	}
}

// A full disk keeps no agent from starting.
func TestAFileOpensWhereItHasNoRoom(t *testing.T) {
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "nr_inodes=20", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("mounting a small tmpfs needs root and the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", disk).Run() })
	var others []string
	for {
		file, err := os.CreateTemp(disk, "other")
		if err != nil {
			break
		}
		_ = file.Close()
		others = append(others, file.Name())
	}
	path := filepath.Join(disk, "dead", "dead.ndjson")
	f := open(t, path)
	if _, err := f.Write([]byte("one\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write without room: %v", err)
	}
	for _, name := range others[:3] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, "one\n")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

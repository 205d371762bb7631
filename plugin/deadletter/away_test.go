package deadletter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that is moved away, or deleted, gets no later records.
func TestAFileThatIsMovedAwayIsNotWrittenOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letters")
	f := open(t, path)
	write(t, f, "one\n")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	if got := content(t, path+".away") + content(t, path); got != "one\ntwo\n" || content(t, path) != "two\n" {
		t.Errorf("the files have %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three\n")
	if got := content(t, path); got != "three\n" {
		t.Errorf("the file has %q", got)
	}
}

// No write exceeds the maximum length of a file (ulimit -f): that would end the host process by a
// signal.
func TestAFileEndsWhereFilesMust(t *testing.T) {
	const child = "OUT_ES_LIMITED"
	if os.Getenv(child) == "" { // a process of its own, since the limit is one of the process
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), child+"=1")
		out, err := command.CombinedOutput()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("an emulator runs the test, but not the programs that it starts")
		}
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "letters")
	f := open(t, path)
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 1000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	write(t, f, string(make([]byte, 600)))
	write(t, f, string(make([]byte, 600)))
	if a, b := content(t, path), content(t, path+".1"); len(a) != 600 || len(b) != 600 {
		t.Errorf("%d and %d bytes, want 600 in each file", len(a), len(b))
	}
	if _, err := f.Write(make([]byte, 1001)); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("a letter that no file can hold: %v", err)
	}
}

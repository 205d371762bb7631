package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testing.AllocsPerRun counts the runtime's own allocations too, so a test that uses it alone can
// fail by chance: support.Allocations is the one that does.
func TestAllocationsAreCountedBySupport(t *testing.T) {
	const root = "../.."
	calls := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "testing."+"AllocsPerRun(") {
			return err
		}
		calls++
		if path != root+"/test/support/allocations.go" {
			t.Errorf("%s calls testing.AllocsPerRun: use support.Allocations", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls == 0 {
		t.Error("no file calls testing.AllocsPerRun")
	}
}

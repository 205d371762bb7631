package support

import (
	"os"
	"path/filepath"
	"testing"
)

// CompareGolden reports a difference between got and file. With update it writes the file first,
// and its folder.
func CompareGolden(t testing.TB, file, got string, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not up to date, or the code is wrong; go test -update writes it:\n%s\nwant\n%s", file, got, want)
	}
}

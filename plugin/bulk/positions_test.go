package bulk

import (
	"regexp"
	"testing"
)

func FuzzWithoutPositions(f *testing.F) {
	position := regexp.MustCompile(`\[\d+:\d+\] ?`)
	for _, reason := range []string{
		"[1:208] failed to parse", "at [1:2][3:4] end", "[[1:2]", "[1:2", "[:2]", "[1:]", "[a:2] [1:2]  x", "[field:1] ]", "",
	} {
		f.Add(reason)
	}
	f.Fuzz(func(t *testing.T, reason string) {
		if got, want := withoutPositions(reason), position.ReplaceAllString(reason, ""); got != want {
			t.Fatalf("%q becomes %q, want %q", reason, got, want)
		}
	})
}

package spool

import (
	"regexp"
	"testing"
)

func FuzzSegmentName(f *testing.F) {
	pattern := regexp.MustCompile(`^segment-(\d{20})-([0-9a-f]{16})\.v(\d+)$`)
	for _, name := range []string{
		segmentName(1, 2), segmentName(1<<63, 1<<63), "segment-00000000000000000001-0000000000000002.v12",
		"segment-00000000000000000001-0000000000000002.v", "segment-00000000000000000001-000000000000000G.v1",
		"segment-0000000000000000001-00000000000000002.v1", "segment-00000000000000000001-0000000000000002.v1.v2",
		"segment-00000000000000000001-0000000000000002.v1\n", "checkpoint", "segment-", "",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		number, mark, format, ok := splitName(name)
		want := pattern.FindStringSubmatch(name)
		if ok != (want != nil) {
			t.Fatalf("%q: ok is %v", name, ok)
		}
		if ok && (number != want[1] || mark != want[2] || format != want[3]) {
			t.Fatalf("%q is cut into %q, %q and %q", name, number, mark, format)
		}
	})
}

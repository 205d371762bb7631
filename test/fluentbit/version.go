package fluentbit

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var versionLine = regexp.MustCompile(`(?m)^Fluent Bit v(\d+(?:\.\d+)+)`)

// Version is the program's version, such as 5.1.1.
func Version(t testing.TB) string {
	t.Helper()
	path := ForTest(t)
	text, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", path, err)
	}
	match := versionLine.FindSubmatch(text)
	if match == nil {
		t.Fatalf("%s --version tells no version: %q", path, text)
	}
	return string(match[1])
}

// Since skips a test of something that Fluent Bit cannot do before version; instead describes the
// behaviour of older ones.
func Since(t testing.TB, version, instead string) {
	t.Helper()
	if Before(t, version) {
		t.Skipf("Fluent Bit before %s %s", version, instead)
	}
}

// Before reports whether the program is older than version.
func Before(t testing.TB, version string) bool {
	t.Helper()
	return slices.Compare(numbers(t, Version(t)), numbers(t, version)) < 0
}

func numbers(t testing.TB, version string) (all []int) {
	t.Helper()
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatalf("%q is no version: %v", version, err)
		}
		all = append(all, n)
	}
	return all
}

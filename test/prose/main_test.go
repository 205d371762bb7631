package main

import (
	"strings"
	"testing"

	"out_es/test/prose/comments"
)

// Every line of a comment stays at its number, and none becomes a part of another's sentence.
func TestAPageOfCommentsKeepsItsLines(t *testing.T) {
	const source = `// Package a is
// small.
//
//	code()
package a

// one has a list:
//   - an item
//     that goes on
//   - another
var one = 1 // trails

var two = 2 // trails, too
`
	const want = `Package a is
small.

    code()


one has a list:
- an item
  that goes on
- another.
- trails.

- trails, too.
`
	lines, _ := comments.Of("a.go", []byte(source))
	if got := string(page(lines)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestFindingsNameTheSource(t *testing.T) {
	for written, want := range map[string]string{
		"build/prose/plugin/a.go.md:3:1:R:text":          "plugin/a.go:3:1:R:text\n",
		"build/prose/messages/plugin/a.go.md:3:1:R:text": "plugin/a.go:3:1:R:text\n",
		"docs/a.md:3:1:R:text":                           "docs/a.md:3:1:R:text\n",
	} {
		got, err := lint([]string{"echo"}, nil)
		if err != nil || !strings.Contains(got, "--output=line") {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err = lint([]string{"sh", "-c", "echo " + written}, nil); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := lint([]string{"false"}, nil); err == nil {
		t.Error("a vale that fails without findings is no success")
	}
}

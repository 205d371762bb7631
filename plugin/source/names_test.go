package source

import (
	"fmt"
	"testing"
)

func TestNamesOfEvents(t *testing.T) {
	var n indexNames
	for position, name := range []string{"a", "a", "b", "b", "b", "a"} {
		n.add(10+position, []byte(`"`+name+`"`))
	}
	n.add(11, []byte(`"a"`)) // retried
	for position, want := range map[int]string{9: "", 10: "a", 11: "a", 12: "b", 14: "b", 15: "a", 99: "a"} {
		if got := n.of(position); got != want {
			t.Errorf("position %d: %q, want %q", position, got, want)
		}
	}
	if len(n.runs) != 3 {
		t.Errorf("%d runs", len(n.runs))
	}
	n.reset()
	if got := n.of(12); got != "" {
		t.Errorf("after reset: %q", got)
	}
}

func TestNamesKeepBoundedMemory(t *testing.T) {
	var n indexNames
	for position := range 100_000 {
		n.add(position, fmt.Appendf(nil, `"index-%d"`, position%2))
	}
	n.reset()
	if cap(n.text) > maxKeptNames || cap(n.runs) > maxKeptNames {
		t.Errorf("%d bytes and %d runs stay", cap(n.text), cap(n.runs))
	}
}

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_es/test/fluentbit"
)

// Fluent Bit's tail from tornSince (its commit 42029a4f5) to before tornUntil (22f8800ff) stores
// how far it has read, not how far it has handed over. If the agent ends within a line, the line's
// beginning is lost, and the rest becomes a record. It counts `offset` from where it resumes: after
// a kill, a line has another `offset`, and with it another generated id. TestFluentBitTailResumes
// shows both, with a built-in output, too.
const (
	tornSince = "3.0.0"
	tornUntil = "5.0.3"
	tornLines = "Fluent Bit " + tornSince + " to 5.0.2 loses the beginning of a line that tail has read in part when it stops. " +
		"After a kill, a line that is read again has another `offset`, and so another generated id"
)

// TailTearsLines reports whether the Fluent Bit under test has these faults.
func TailTearsLines(t *testing.T) bool {
	t.Helper()
	return !fluentbit.Before(t, tornSince) && fluentbit.Before(t, tornUntil)
}

// SkipTornLines skips a test that can't tell those faults from others.
func SkipTornLines(t *testing.T) {
	t.Helper()
	if TailTearsLines(t) {
		t.Skip(tornLines)
	}
}

// AssertOnceAfterRestarts is AssertOnce for lines of containers that were written while the agent
// was killed or reloaded. Where tail tears lines, a line may be missing if tail resumed within it,
// and may be duplicated if its documents have different offsets. Nothing else is accepted.
func (i Inventory) AssertOnceAfterRestarts(t *testing.T, lines []Line) {
	t.Helper()
	if !TailTearsLines(t) {
		i.AssertOnce(t, lines)
		return
	}
	missing, _ := i.MissingAfterRestarts(t, lines, ContainerLine)
	if len(missing) > 0 {
		t.Errorf("%d of %d lines are missing, and tail did not resume within them: %.120q …", len(missing), len(lines), missing[0])
	}
	again := 0
	for _, l := range lines {
		offsets := map[int64]bool{}
		for _, d := range i[l.Text] {
			if offsets[d.offset] {
				t.Errorf("%q is there twice with the offset %d", l.Text, d.offset)
			}
			if !d.of(l) {
				t.Errorf("%q has the time %s in %s, want %s", l.Text, d.time, d.index, l.Time)
			}
			offsets[d.offset] = true
		}
		again += max(0, len(offsets)-1)
	}
	i.assertRests(t, lines)
	t.Logf("of %d lines, %d are there with several offsets", len(lines), again)
}

// MissingAfterRestarts is Missing without the lines that tail has torn: those within which it
// resumed. The offset of the next line shows that the rest of such a line was read first. The rest
// is a document, unless it begins within the line's time: then Fluent Bit drops it.
func (i Inventory) MissingAfterRestarts(t *testing.T, lines []Line, format Format) (missing []string, extra int) {
	t.Helper()
	all, extra := i.Missing(lines)
	if !TailTearsLines(t) {
		return all, extra
	}
	t.Log("but: " + tornLines) // for the table of test/matrix
	for _, l := range lines {
		resumedIn := func(next stored) bool { return next.offset > 0 && next.offset <= int64(len(lineText(l, format))) }
		if len(i[l.Text]) == 0 && !slices.ContainsFunc(i[l.next()], resumedIn) {
			missing = append(missing, l.Text)
		}
	}
	t.Logf("of %d lines %d lost their beginnings", len(lines), len(all)-len(missing))
	return missing, extra
}

// assertRests checks that each document that is no line is the rest of one, and came first after a
// restart.
func (i Inventory) assertRests(t *testing.T, lines []Line) {
	t.Helper()
	known := map[string]bool{}
	for _, l := range lines {
		known[l.Text] = true
	}
	for text, documents := range i {
		isRest := func(l Line) bool { return strings.HasSuffix(lineText(l, ContainerLine), text) }
		switch {
		case known[text]:
		case !slices.ContainsFunc(lines, isRest):
			t.Errorf("%q is no line, nor the rest of one", text)
		case slices.ContainsFunc(documents, func(d stored) bool { return d.offset != 0 }):
			t.Errorf("%q is the rest of a line, and did not come first after a restart: %v", text, documents)
		}
	}
}

// next is the text of the next line of the file.
func (l Line) next() string {
	var n int
	file, numbered, _ := strings.Cut(l.Text, " ")
	if _, err := fmt.Sscanf(numbered, "line %d:", &n); err != nil {
		return ""
	}
	return lineOf(file, n+1).Text
}

// lineText is a line as it is in its file, without the line feed.
func lineText(l Line, format Format) string { return strings.TrimSuffix(format(l), "\n") }

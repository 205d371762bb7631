package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Each log is shown after a failure with this number of lines, each cut at this number of
// characters.
const (
	logLines   = 20
	lineLength = 400
)

// explain returns the error for the user: the event, the numbers, their meaning, and the ends of
// the logs.
func explain(s settings, a *agent, now snapshot, expected int, what string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nIt did not work: %s.\n\n  records in the sample  %s\n", what, thousands(expected))
	if now.readKnown {
		fmt.Fprintf(&b, "  records read           %s\n", thousands(now.read))
	}
	fmt.Fprintf(&b, "  documents stored       %s\n", thousands(now.stored))
	for _, line := range troubles(now.samples) {
		b.WriteString("  " + line + "\n")
	}
	switch {
	case now.readKnown && now.read < expected:
		b.WriteString("\nThe input has not read everything: look for errors of tail or a parser in the agent's log.\n")
	case now.stored < expected && !a.ended():
		b.WriteString("\nThe missing ones were rejected, or wait for a retry: the agent's log says which, and why.\n")
	case now.stored > expected:
		b.WriteString("\nA record that is sent again must keep its id: is generate_id on in " + s.conf + "?\n")
	}
	b.WriteString(ending("the agent's log", a.log))
	b.WriteString(ending("Elasticsearch's log", filepath.Join(filepath.Dir(a.log), elasticsearchLog)))
	return errors.New(b.String())
}

// ending returns the last lines of a log that aren't routine, under a title. Nothing if the log
// can't be read or is empty.
func ending(title, path string) string {
	content, err := os.ReadFile(path)
	text := strings.TrimRight(string(content), "\n")
	if err != nil || text == "" {
		return ""
	}
	lines := slices.DeleteFunc(afterBanner(strings.Split(text, "\n")), isRoutine)
	if len(lines) == 0 {
		return "\nNothing but routine is in " + title + ".\n"
	}
	lines = lines[max(0, len(lines)-logLines):]
	for i, line := range lines {
		lines[i] = "  " + strings.ToValidUTF8(line[:min(len(line), lineLength)], "")
	}
	return "\nThe end of " + title + ":\n" + strings.Join(lines, "\n") + "\n"
}

// afterBanner skips Fluent Bit's output before its first log line, which begins with a bracket like
// all of them.
func afterBanner(lines []string) []string {
	first := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "[") })
	return lines[max(0, first):]
}

// isRoutine reports whether a line belongs to the log of a good run: both programs' information,
// and Fluent Bit's notice of a variable that is empty on purpose.
func isRoutine(line string) bool {
	for _, routine := range []string{"[ info]", "[INFO ]", "variable ${INDEX_PREFIX}"} {
		if strings.Contains(line, routine) {
			return true
		}
	}
	return strings.TrimSpace(line) == ""
}

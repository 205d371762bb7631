package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Of each log so many lines are shown when something went wrong, each cut at so many characters.
const (
	logLines   = 20
	lineLength = 400
)

// explain makes the error that a user sees: what happened, the numbers, what they mean, and the ends of the logs.
func explain(s settings, a *agent, now look, expected int, what string) error {
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
		b.WriteString("\nThe missing ones were refused, or wait to be sent again: the agent's log says which, and why.\n")
	case now.stored > expected:
		b.WriteString("\nA record that is sent again must keep its id: is generate_id on in " + s.conf + "?\n")
	}
	b.WriteString(ending("the agent's log", a.log))
	b.WriteString(ending("Elasticsearch's log", filepath.Join(filepath.Dir(a.log), elasticsearchLog)))
	return errors.New(b.String())
}

// ending returns the last lines of a log that aren't routine, under a title. Nothing if the log can't be read or is empty.
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

// afterBanner leaves out what Fluent Bit prints before its first log line, which begins with a bracket as all do.
func afterBanner(lines []string) []string {
	first := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "[") })
	return lines[max(0, first):]
}

// isRoutine knows what a good run logs: both programs' mere information, and Fluent Bit's word on a variable that is left
// empty on purpose.
func isRoutine(line string) bool {
	for _, routine := range []string{"[ info]", "[INFO ]", "variable ${INDEX_PREFIX}"} {
		if strings.Contains(line, routine) {
			return true
		}
	}
	return strings.TrimSpace(line) == ""
}

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// table renders the runs as Markdown: a list of the cases that all subjects pass, and a table of
// the others, with the reasons of missing results below it.
func (s suite) table(runs []subjectRun) string {
	var out strings.Builder
	var reasons []string
	out.WriteString("All versions in the table below pass these cases:\n\n")
	for _, c := range s.cases {
		if isPassedByAll(c, runs) {
			out.WriteString(commonItem + c.title + "\n")
		}
	}
	out.WriteString("\nThe other cases:\n\n")
	head, rule := "| |", "| --- |"
	for _, r := range runs {
		head += " " + r.subject + " |"
		rule += " --- |"
	}
	fmt.Fprintf(&out, "%s\n%s\n", head, rule)
	for _, c := range s.cases {
		if isPassedByAll(c, runs) {
			continue
		}
		fmt.Fprintf(&out, "| %s |", c.title)
		for i, r := range runs {
			reason, ok := verdict(c, r)
			if c.once && i > 0 {
				out.WriteString(" |")
				continue
			}
			cell := "no"
			if ok {
				cell = "yes"
			}
			if !ok || reason != "" {
				if !slices.Contains(reasons, reason) {
					reasons = append(reasons, reason)
				}
				cell += fmt.Sprintf(" (%d)", slices.Index(reasons, reason)+1)
			}
			fmt.Fprintf(&out, " %s |", cell)
		}
		out.WriteByte('\n')
	}
	for i, reason := range reasons {
		fmt.Fprintf(&out, "\n(%d) %s.\n", i+1, reason)
	}
	return out.String()
}

// commonItem begins the line of a case that all subjects pass.
const commonItem = "- "

// isPassedByAll reports whether each of the subjects passed all tests of a case, without an
// exception.
func isPassedByAll(c testCase, runs []subjectRun) bool {
	return !c.once && !slices.ContainsFunc(runs, func(r subjectRun) bool {
		reason, ok := verdict(c, r)
		return !ok || reason != ""
	})
}

// verdict reports whether all tests of a case passed, with the exception that one of them took, or
// the reason why one was skipped.
func verdict(c testCase, r subjectRun) (reason string, ok bool) {
	for _, test := range c.tests {
		got := r.results[test]
		if got.outcome != passed {
			return got.reason, false
		}
		if got.reason != "" {
			reason = got.reason
		}
	}
	return reason, true
}

// compareColumns holds each run to its column in the page.
func (s suite) compareColumns(page string, runs []subjectRun) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	rows, common := map[string][]string{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), commonItem); ok {
			common[title] = true
		}
		cells := strings.Split(line, "|")
		if len(cells) > 2 {
			title := strings.TrimSpace(cells[1])
			if _, known := rows[title]; !known {
				rows[title] = cells
			}
		}
	}
	var faults []error
	for _, r := range runs {
		column := slices.IndexFunc(rows[""], func(cell string) bool { return strings.TrimSpace(cell) == r.subject })
		for _, c := range s.cases {
			_, ok := verdict(c, r)
			if common[c.title] {
				if !ok {
					faults = append(faults, fmt.Errorf("%s says that %s passes %q: this run does not", page, r.subject, c.title))
				}
				continue
			}
			row := rows[c.title]
			if column < 0 || column >= len(row) {
				faults = append(faults, fmt.Errorf("%s has no column %s, or no row %q", page, r.subject, c.title))
			} else if cell := strings.TrimSpace(row[column]); cell != "" && strings.HasPrefix(cell, "yes") != ok {
				faults = append(faults, fmt.Errorf("%s says %q of %s and %q: this run does not", page, cell, r.subject, c.title))
			}
		}
	}
	return errors.Join(faults...)
}

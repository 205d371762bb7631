package main

import (
	"fmt"
	"slices"
	"strings"
)

// table renders the runs as Markdown, and the reasons of what is not there
// below it.
func table(runs []serverRun) string {
	var out strings.Builder
	var reasons []string
	head, rule := "| |", "| --- |"
	for _, r := range runs {
		head += " " + r.server + " |"
		rule += " --- |"
	}
	fmt.Fprintf(&out, "%s\n%s\n", head, rule)
	for _, c := range cases {
		fmt.Fprintf(&out, "| %s |", c.title)
		for i, r := range runs {
			switch reason, ok := verdict(c, r); {
			case c.once && i > 0:
				out.WriteString(" |")
			case ok:
				out.WriteString(" yes |")
			default:
				if !slices.Contains(reasons, reason) {
					reasons = append(reasons, reason)
				}
				fmt.Fprintf(&out, " no (%d) |", slices.Index(reasons, reason)+1)
			}
		}
		out.WriteByte('\n')
	}
	for i, reason := range reasons {
		fmt.Fprintf(&out, "\n(%d) %s.\n", i+1, reason)
	}
	out.WriteString("\n| row | tests |\n| --- | --- |\n")
	for i, c := range cases {
		fmt.Fprintf(&out, "| %d | *%s* |\n", i+1, strings.Join(c.tests, "*, *"))
	}
	return out.String()
}

// verdict says whether all tests of a case passed, or why one was skipped.
func verdict(c testCase, r serverRun) (reason string, ok bool) {
	for _, test := range c.tests {
		if got := r.results[test]; got.outcome != passed {
			return got.reason, false
		}
	}
	return "", true
}

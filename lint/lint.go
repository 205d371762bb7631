// Package lint finds faults in a configuration of Fluent Bit that Fluent Bit itself can't find in
// sections of es_go, and rewrites sections of the built-in outputs for es_go.
package lint

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"out_es/lint/sections"
)

// Severity is how bad a finding is.
type Severity string

const (
	// Error: the plugin, or Fluent Bit, refuses the configuration, or does other than it says.
	Error Severity = "error"
	// Warning: it runs, and something may be lost, duplicated or slow.
	Warning Severity = "warning"
	// Note: it can't be judged here.
	Note Severity = "note"
)

// Finding is one thing to look at.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Severity Severity `json:"severity"`
	// Rule is the finding's kind, one word an idea: docs/lint.md lists them.
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s [%s]", f.File, f.Line, f.Severity, f.Message, f.Rule)
}

// Report has the findings in a file and its includes.
type Report struct {
	Findings []Finding
	// Sections is how many sections of es_go there are.
	Sections int
}

// Has reports whether there is a finding of a severity.
func (r *Report) Has(s Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == s })
}

// File checks the configuration in path. Variables come from the file and the environment; options
// with a variable that is not set here are not judged.
//
// Possible errors: the file can't be read.
func File(path string) (*Report, error) {
	configuration, err := sections.Read(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	c := &checker{configuration: configuration}
	for _, problem := range configuration.Problems {
		c.report(problem.Position, Error, "syntax", "%s", problem.Message)
	}
	for _, output := range configuration.Of("output") {
		if name := output.Last("name"); name != nil && strings.EqualFold(name.Value, "es_go") {
			c.outputs = append(c.outputs, output)
			c.output(output)
		}
	}
	if len(c.outputs) > 0 {
		c.service()
		c.inputs()
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return &Report{Findings: c.findings, Sections: len(c.outputs)}, nil
}

// checker is one File.
type checker struct {
	configuration *sections.Configuration
	outputs       []*sections.Section // of es_go
	findings      []Finding
}

func (c *checker) report(at sections.Position, severity Severity, rule, format string, values ...any) {
	c.findings = append(c.findings, Finding{at.File, at.Line, severity, rule, fmt.Sprintf(format, values...)})
}

// isOn reports whether Fluent Bit reads a switch as on; with an unset variable it is off.
func isOn(value string) bool {
	switch strings.ToLower(value) {
	case "on", "true", "yes":
		return true
	}
	return false
}

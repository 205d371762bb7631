// Package migrate has the rules for turning a section of Fluent Bit's built-in outputs `es` and
// `opensearch` into one of es_go: one for each of their options. docs/migration.md is generated
// from it, and the tool uses it to rewrite a configuration.
package migrate

import (
	"slices"
	"strings"
)

// Output is a set of the built-in outputs.
type Output uint8

// The outputs.
const (
	ES Output = 1 << iota
	OpenSearch
	Both = ES | OpenSearch
)

func (o Output) String() string {
	switch o {
	case ES:
		return "es"
	case OpenSearch:
		return "opensearch"
	}
	return "both"
}

// Step is the treatment of an option of a built-in output.
type Step uint8

const (
	// Keep leaves the line as it is: the option is Fluent Bit's own, or es_go
	// has one of the same name that takes the same values.
	Keep Step = iota
	// Rename writes the value, through Values, under the name To.
	Rename
	// Compose makes the option a part of Hosts: a scheme, a host, a port or a
	// path of its URLs.
	Compose
	// Drop leaves the option out: es_go needs nothing in its place.
	Drop
	// Decide is for a person: es_go has no such option, and leaving it out changes the behaviour.
	// Note has the advice.
	Decide
)

var stepNames = [...]string{Keep: "stays", Rename: "renamed", Compose: "part of `Hosts`", Drop: "left out", Decide: "left out, check it"}

func (s Step) String() string { return stepNames[s] }

// Rule is the treatment of one option.
type Rule struct {
	// Option is its name in lower case; a name with a `*` at its end stands
	// for all that begin so.
	Option string
	// Of are the outputs that have it.
	Of Output
	Step
	// To is the option of es_go that takes its place; empty for Drop and
	// Decide, and for Fluent Bit's own options, which keep their names.
	To string
	// Values translates values, by their lower case; one that is not here
	// stays as it is.
	Values map[string]string
	// Default is the built-in output's default, if es_go's differs. A section without the option
	// behaves differently after the move; Note says how.
	Default string
	Note    string
}

// Rules returns all rules, in the order in which docs/migration.md shows them.
// The slice is the caller's.
func Rules() []Rule { return slices.Clone(rules) }

// RuleOf finds the rule for an option of a built-in output, by its name in any
// case.
func RuleOf(output Output, option string) (Rule, bool) {
	option = strings.ToLower(option)
	for _, r := range rules {
		prefix, open := strings.CutSuffix(r.Option, "*")
		if r.Of&output != 0 && (r.Option == option || open && strings.HasPrefix(option, prefix)) {
			return r, true
		}
	}
	return Rule{}, false
}

// Value translates a value of the option.
func (r *Rule) Value(text string) string {
	if to, ok := r.Values[strings.ToLower(text)]; ok {
		return to
	}
	return text
}

// Table renders the rules as Markdown: a list of the options that stay as they are, and a row for
// each of the others.
func Table() string {
	var same, rows strings.Builder
	for i := range rules {
		if rules[i].isSame() {
			same.WriteString(", `" + rules[i].Option + "`")
		} else {
			rows.WriteString(rules[i].row())
		}
	}
	return "These stay as they are: " + strings.TrimPrefix(same.String(), ", ") + ".\n\n" +
		"| built-in | becomes | |\n| --- | --- | --- |\n" + rows.String()
}

// isSame reports whether the option has the same name, values and default in es_go.
func (r *Rule) isSame() bool {
	return r.Step == Keep && r.Note == "" && r.Default == "" && (r.To == "" || strings.EqualFold(r.To, r.Option))
}

func (r *Rule) row() string {
	to := r.String()
	if r.To != "" && r.Step != Compose {
		to = "`" + r.To + "`"
	}
	note := r.Note
	if r.Default != "" {
		note = strings.TrimSpace("Default: " + r.Default + ". " + note)
	}
	of := ""
	if r.Of != Both {
		of = " (" + r.Of.String() + ")"
	}
	return "| `" + r.Option + "`" + of + " | " + to + " | " + note + " |\n"
}

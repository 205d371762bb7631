package lint

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"out_es/lint/sections"
)

// writer writes a section's lines in the format, the indentation and the alignment of the old ones.
type writer struct {
	yaml   bool
	lower  bool   // names are in lower case
	indent string // of every line
	dash   string // the text in place of the indentation of the first option of a YAML list's entry; "" for none
	width  int    // of the classic format's names, with the space behind them
	out    []string
}

// newWriter takes the indentation from the section's first property, in the line first.
func newWriter(s *sections.Section, first string) *writer {
	p := s.Properties[0]
	before := first[:p.Column-1]
	w := &writer{yaml: sections.IsYAML(s.File), indent: before, lower: p.Written == strings.ToLower(p.Written)}
	if strings.Contains(before, "-") {
		w.dash, w.indent = before, strings.Repeat(" ", len(before))
	}
	if rest := first[p.Column-1+len(p.Written):]; !w.yaml {
		w.width = len(p.Written) + len(rest) - len(strings.TrimLeft(rest, " "))
	}
	return w
}

// note writes a comment of ours.
func (w *writer) note(format string, values ...any) {
	w.comment(w.indent + "# es_go: " + strings.TrimSpace(fmt.Sprintf(format, values...)))
}

// comment writes a line that is no option.
func (w *writer) comment(line string) { w.out = append(w.out, line) }

// set writes an option.
func (w *writer) set(name, value string) {
	if w.lower {
		name = strings.ToLower(name)
	}
	if w.yaml {
		w.option(name + ": " + scalar(value))
		return
	}
	w.option(fmt.Sprintf("%-*s%s", max(w.width, len(name)+1), name, value))
}

// renamed writes an option under another name. A value that stays the same is copied as it is, with
// its quotes.
func (w *writer) renamed(name string, p *sections.Property, value string, old []string) {
	rest := old[0][p.Column-1+len(p.Written):]
	if !w.yaml || value != p.Raw {
		w.set(name, value)
		return
	}
	if w.lower {
		name = strings.ToLower(name)
	}
	w.option(name + rest)
	w.out = append(w.out, old[1:]...)
}

// keep writes an option as it was.
func (w *writer) keep(old []string) {
	w.option(old[0][len(w.indent):])
	w.out = append(w.out, old[1:]...)
}

// option puts the first one behind the dash, and before the comments that came earlier.
func (w *writer) option(text string) {
	if w.dash != "" {
		w.out = append([]string{w.dash + text}, w.out...)
		w.dash = ""
		return
	}
	w.out = append(w.out, w.indent+text)
}

func (w *writer) done() []string { return w.out }

// scalar is a value as YAML writes it.
func scalar(value string) string {
	if _, err := strconv.Atoi(value); err == nil {
		return value // Fluent Bit reads every value as text: quotes would only be in the way of people
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		return value
	}
	return strings.TrimSpace(string(text))
}

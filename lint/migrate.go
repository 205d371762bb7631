package lint

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"out_es/lint/migrate"
	"out_es/lint/sections"
	"out_es/plugin/config"
)

// Migration is a file whose sections of the built-in outputs were rewritten.
type Migration struct {
	// Text is the whole file. Changes have a comment.
	Text string
	// Sections is how many sections were rewritten.
	Sections int
	// ToCheck has the decisions for a person, in the order of the file, each with the line in the
	// old file.
	ToCheck []Finding
}

// Migrate rewrites the sections of `es` and `opensearch` in the file at path into sections of
// es_go, by the rules of lint/migrate. Included files are not touched: they are files of their own.
//
// Possible errors: the file can't be read, is none that Fluent Bit reads, or has such a section in
// YAML's flow style.
func Migrate(path string) (*Migration, error) {
	configuration, err := sections.Read(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if len(configuration.Problems) > 0 {
		return nil, fmt.Errorf("lint: %s", configuration.Problems[0])
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &Migration{}
	lines := strings.Split(string(text), "\n")
	for _, s := range slices.Backward(configuration.Of("output")) { // so that the lines before keep their numbers
		output, ok := builtIn(s)
		if !ok || s.File != path {
			continue
		}
		if s.Flow {
			return nil, fmt.Errorf("lint: %s: the section is written in braces; write each option on a line of its own", s.Position)
		}
		r := newRewrite(s, output, lines)
		first, last := r.span()
		lines = slices.Concat(lines[:first-1], r.lines(first, last), lines[last:])
		m.Sections++
		m.ToCheck = append(r.toCheck, m.ToCheck...)
	}
	m.Text = strings.Join(lines, "\n")
	return m, nil
}

func builtIn(s *sections.Section) (migrate.Output, bool) {
	switch strings.ToLower(s.Get("name")) {
	case "es":
		return migrate.ES, true
	case "opensearch":
		return migrate.OpenSearch, true
	}
	return 0, false
}

// rewrite is one section on its way.
type rewrite struct {
	*sections.Section
	output migrate.Output
	old    []string // the lines of the file
	hosts  *hosts
	// faults are the plugin's objections to the new section, by option in lower case.
	faults  map[string]string
	toCheck []Finding
}

func newRewrite(s *sections.Section, output migrate.Output, old []string) *rewrite {
	r := &rewrite{Section: s, output: output, old: old, faults: map[string]string{}}
	r.hosts = hostsOf(s)
	r.judge()
	return r
}

// judge finds the options that es_go would reject, in several rounds: without one option, another
// may lose its effect.
func (r *rewrite) judge() {
	for range len(r.Properties) + 1 {
		faults := faultsOf(r.planned())
		found := false
		for _, fault := range faults {
			option := strings.ToLower(fault.Option)
			if _, known := r.faults[option]; !known && option != "hosts" {
				r.faults[option] = fault.Advice
				found = true
			}
		}
		if !found {
			return
		}
	}
}

// planned is the section as es_go will see it.
func (r *rewrite) planned() *sections.Section {
	s := &sections.Section{Kind: "output", Position: r.Position}
	if r.hosts != nil {
		s.Properties = append(s.Properties, sections.Property{Name: "hosts", Value: r.hosts.plain()})
	}
	for _, p := range r.Properties {
		rule, ok := migrate.RuleOf(r.output, p.Name)
		if !ok || rule.To == "" || rule.Step == migrate.Compose || p.Shape != sections.Scalar {
			continue
		}
		p.Name, p.Value = strings.ToLower(rule.To), rule.Value(p.Value)
		if _, refused := r.faults[p.Name]; !refused {
			s.Properties = append(s.Properties, p)
		}
	}
	return s
}

// span is the lines from the first property to the end of the last one.
func (r *rewrite) span() (first, last int) {
	first, last = r.Properties[0].Line, 0
	for _, p := range r.Properties {
		last = max(last, p.LastLine)
	}
	return first, last
}

// lines are the section's new lines in place of first to last. Lines that belong to no property
// stay.
func (r *rewrite) lines(first, last int) []string {
	w := newWriter(r.Section, r.old[first-1])
	for number := first; number <= last; number++ {
		p := r.propertyAt(number)
		if p == nil {
			w.comment(r.old[number-1])
			continue
		}
		r.property(w, p, r.old[p.Line-1:p.LastLine])
		number = p.LastLine
	}
	if r.hosts != nil && !r.hosts.written {
		r.writeHosts(w)
	}
	r.defaults(w)
	return w.done()
}

func (r *rewrite) propertyAt(line int) *sections.Property {
	for i := range r.Properties {
		if r.Properties[i].Line == line {
			return &r.Properties[i]
		}
	}
	return nil
}

// property writes the replacement of one property.
func (r *rewrite) property(w *writer, p *sections.Property, old []string) {
	rule, known := migrate.RuleOf(r.output, p.Name)
	fault, refused := r.faults[strings.ToLower(rule.To)]
	switch {
	case p.Name == "name":
		w.set("Name", "es_go")
	case !known:
		r.leave(w, p, "neither the built-in output nor es_go has it")
	case p.Shape != sections.Scalar:
		r.leave(w, p, "es_go takes one string")
	case rule.Step == migrate.Compose:
		if r.hosts != nil && !r.hosts.written {
			r.writeHosts(w)
		}
	case rule.Step == migrate.Drop:
		w.note("left out: %s %s. %s", p.Written, p.Raw, plain(rule.Note))
	case rule.Step == migrate.Decide:
		r.leave(w, p, plain(rule.Note))
	case refused && rule.To != "":
		r.leave(w, p, fault)
	case rule.Step == migrate.Rename:
		w.note("was %s. %s", p.Written, plain(rule.Note))
		w.renamed(rule.To, p, rule.Value(p.Raw), old)
	default:
		if rule.To != "" && rule.Note != "" {
			w.note("%s: %s", rule.To, plain(rule.Note))
		}
		w.keep(old)
	}
}

// leave writes an option as a comment that a person must look at.
func (r *rewrite) leave(w *writer, p *sections.Property, why string) {
	value := p.Raw
	if o, ok := optionOf(p.Name); ok && o.Kind == config.Secret {
		value = "***"
	}
	w.note("CHECK THIS: %s %s is left out: %s", p.Written, value, why)
	r.toCheck = append(r.toCheck, Finding{p.File, p.Line, Error, "look-at", fmt.Sprintf("%s is left out: %s", p.Written, why)})
}

func (r *rewrite) writeHosts(w *writer) {
	r.hosts.written = true
	if r.hosts.unsure != "" {
		w.note("CHECK THIS: %s", r.hosts.unsure)
		r.toCheck = append(r.toCheck, Finding{r.File, r.Line, Error, "look-at", r.hosts.unsure})
	}
	w.note("made of %s", r.hosts.from)
	w.set("Hosts", r.hosts.url)
}

// defaults adds Workers, and comments on defaults of the section that differ in es_go.
func (r *rewrite) defaults(w *writer) {
	if r.Last("workers") == nil {
		w.note("without workers, a request under way holds up all of Fluent Bit")
		w.set("Workers", "1")
	}
	for _, rule := range migrate.Rules() {
		isTLS := strings.HasPrefix(rule.Option, "tls.")
		if rule.Default == "" || rule.Of&r.output == 0 || rule.Step == migrate.Compose || rule.Option == "workers" || r.Last(rule.Option) != nil ||
			isTLS && !isOn(r.Get("tls")) {
			continue
		}
		w.note("%s is not set: by default the built-in output has %s. %s", rule.Option, rule.Default, plain(rule.Note))
	}
}

// plain is a note without Markdown.
func plain(note string) string { return strings.ReplaceAll(note, "`", "") }

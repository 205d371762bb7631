package tool

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"out_es/lint/sections"
	"out_es/plugin/config"
	"out_es/plugin/settings"
)

// sectionFlags name the options of an instance: those of a section, those of the command line, or
// both.
type sectionFlags struct {
	file, alias string
	set         []string
}

func (f *sectionFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVarP(&f.file, "config", "c", "", "configuration of Fluent Bit with a section of es_go")
	flags.StringVarP(&f.alias, "output", "o", "", "its section, by Alias or as es_go.0, es_go.1, …, if there are several")
	flags.StringArrayVarP(&f.set, "set", "s", nil, "an option of es_go as NAME=VALUE, instead of the section's; repeatable")
	_ = command.MarkFlagFilename("config", "conf", "yaml", "yml")
}

// given reports whether there is a section or an option.
func (f *sectionFlags) given() bool { return f.file != "" || len(f.set) > 0 }

// section is the options of one instance.
type section struct {
	// instance is its name in Fluent Bit.
	instance string
	values   map[string]string // by lower-case name
}

// read finds the section and puts the options of the command line over it.
//
// Possible errors: the file can't be read; it has no such section, or several; a --set without a
// name.
func (f *sectionFlags) read(warn io.Writer) (*section, error) {
	s := &section{instance: "es_go.0", values: map[string]string{}}
	if f.file != "" {
		found, err := f.find()
		if err != nil {
			return nil, err
		}
		s.instance = found.instance
		for i := range found.Properties {
			p := &found.Properties[i]
			if _, known := s.values[p.Name]; known {
				continue // the first one counts, as in Fluent Bit
			}
			if s.values[p.Name] = p.Value; len(p.Unset) > 0 {
				fmt.Fprintf(warn, "out-es: %s: %s: ${%s} is not set here; it counts as empty\n", p.Position, p.Written, p.Unset[0])
			}
		}
	}
	for _, option := range f.set {
		name, value, ok := strings.Cut(option, "=")
		if !ok || name == "" {
			return nil, misused("--set %q: must be NAME=VALUE, such as Hosts=http://localhost:9200", option)
		}
		if !slices.ContainsFunc(config.Options(), func(o config.Option) bool { return strings.EqualFold(o.Name, name) }) {
			return nil, misused("--set %s: %s is no option of es_go: docs/configuration.md lists them", option, name)
		}
		s.values[strings.ToLower(name)] = value
	}
	return s, nil
}

// instanceSection is a section with the name that its instance has in Fluent Bit.
type instanceSection struct {
	*sections.Section
	instance string
}

func (f *sectionFlags) find() (*instanceSection, error) {
	configuration, err := sections.Read(f.file, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	for _, problem := range configuration.Problems {
		return nil, fmt.Errorf("%s: %s", problem.Position, problem.Message)
	}
	var all []instanceSection
	var names []string
	for _, output := range configuration.Of("output") {
		if !strings.EqualFold(output.Get("name"), "es_go") {
			continue
		}
		one := instanceSection{output, fmt.Sprintf("es_go.%d", len(all))}
		if alias := output.Get("alias"); alias != "" {
			one.instance = alias
		}
		all, names = append(all, one), append(names, one.instance)
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%s: it has no section of es_go", f.file)
	case f.alias != "":
		i := slices.IndexFunc(all, func(s instanceSection) bool { return s.instance == f.alias })
		if i < 0 {
			return nil, fmt.Errorf("%s: it has no section of es_go named %q; there are %s", f.file, f.alias, strings.Join(names, ", "))
		}
		return &all[i], nil
	case len(all) > 1:
		return nil, misused("%s: it has several sections of es_go: name one of %s with --output", f.file, strings.Join(names, ", "))
	}
	return &all[0], nil
}

// ownFiles are options of an agent that a tool must not act on: files that the agent writes, and
// its own queue.
var ownFiles = []string{"dead_letter_file", "dead_letter_index", "on_rejection", "memory_limit", "trace_output"}

// network reports whether a command talks to Elasticsearch.
type network uint8

const (
	online network = iota
	offline
)

// settings are those of the section, without the options by which an agent keeps files of its own.
//
// Possible errors: faults of the section, one line each.
func (s *section) settings(network network, over map[string]string) (*settings.Settings, error) {
	values := maps.Clone(s.values)
	for name := range values {
		if slices.Contains(ownFiles, name) || strings.HasPrefix(name, "spool_") {
			delete(values, name)
		}
	}
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, over)
	if values["hosts"] == "" && values["cloud_id"] == "" && network == offline {
		values["hosts"] = "http://localhost:9200"
	}
	read, faults := settings.Read(func(name string) string { return values[strings.ToLower(name)] })
	return read, faults.Err()
}

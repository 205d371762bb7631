// Package sections reads Fluent Bit's configuration, in its classic format and in YAML, into
// sections with properties that know their place in the file. It has both formats' traps, and so
// the same view as Fluent Bit. Values of the classic format keep quotes and a trailing "# …", the
// indentation must be the same in a whole file, and an unset variable becomes nothing. Facts come
// from Fluent Bit 5.1.1's src/config_format, src/flb_env.c and src/flb_config.c.
package sections

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Position is a place in a file. Lines count from 1.
type Position struct {
	File string
	Line int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Shape is the kind of a value.
type Shape uint8

// The shapes. Only YAML has lists and maps.
const (
	Scalar Shape = iota
	List
	Map
)

// Property is one line of a section: a name and its value.
type Property struct {
	// Name is in lower case, and in snake_case where YAML's author wrote camelCase, as Fluent Bit
	// passes it on.
	Name string
	// Written is the name in the file.
	Written string
	// Value has its variables replaced; those that are not set leave nothing. Of a list it is the
	// first value.
	Value string
	// Raw is the value with its variables in place. Of a list it is the first value.
	Raw string
	// Values are all of a list's, variables in place; nil for another shape.
	Values []string
	Shape  Shape
	// Unset names the value's variables that have no value here.
	Unset []string
	Position
	// LastLine is where the value ends; Line but for a value of several lines.
	LastLine int
	// Column counts from 1: where the name begins.
	Column int
}

// Section is one [SECTION], or one entry of a list in YAML's pipeline.
type Section struct {
	// Kind is in lower case and in the singular: service, input, filter, output, custom.
	Kind string
	// Name is the section's as written: OUTPUT, outputs.
	Name string
	Position
	Properties []Property
	// Groups names nested groups of the section, such as PROCESSORS. Their properties are left out.
	Groups []string
	// Flow says that a YAML section is written {in: braces}.
	Flow bool
}

// All returns the properties of a name, which is in lower case.
func (s *Section) All(name string) []*Property {
	var all []*Property
	for i := range s.Properties {
		if s.Properties[i].Name == name {
			all = append(all, &s.Properties[i])
		}
	}
	return all
}

// Last returns the last property of a name, nil for none. It counts for properties that Fluent Bit
// keeps for itself.
func (s *Section) Last(name string) *Property {
	all := s.All(name)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// Get returns the value of Last, "" where it is absent or was empty.
func (s *Section) Get(name string) string {
	if p := s.Last(name); p != nil {
		return p.Value
	}
	return ""
}

// Problem is something that keeps Fluent Bit from reading the file.
type Problem struct {
	Position
	Message string
}

func (p Problem) String() string { return p.Position.String() + ": " + p.Message }

// Configuration is a file with all that it includes.
type Configuration struct {
	Path     string
	Sections []Section
	// Problems are in the order of the files' lines. After one, reading goes on with the next line,
	// or in YAML the next file.
	Problems []Problem
}

// Of returns the sections of a kind.
func (c *Configuration) Of(kind string) []*Section {
	var all []*Section
	for i := range c.Sections {
		if c.Sections[i].Kind == kind {
			all = append(all, &c.Sections[i])
		}
	}
	return all
}

// Lookup returns a variable's value; os.LookupEnv is one.
type Lookup func(name string) (string, bool)

// IsYAML reports whether Fluent Bit reads a file as YAML: by the extension of its name.
func IsYAML(path string) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".yaml" || extension == ".yml"
}

// Read reads a file and its includes.
//
// Possible errors: the file itself can't be read. All else is a Problem.
func Read(path string, environment Lookup) (*Configuration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &reader{
		Configuration: &Configuration{Path: path},
		root:          filepath.Dir(path),
		environment:   environment,
		variables:     map[string]string{},
		seen:          map[string]bool{path: true},
	}
	if IsYAML(path) {
		r.yamlText(path, text)
	} else {
		r.classicText(path, text)
	}
	for i := range r.Sections {
		r.replaceVariables(&r.Sections[i])
	}
	return r.Configuration, nil
}

// reader is the shared state of all files of one Read.
type reader struct {
	*Configuration
	root        string            // folder of the first file: the classic format's includes are relative to it
	environment Lookup            // variables outside the file
	variables   map[string]string // from @SET, or YAML's env
	seen        map[string]bool   // files read, since none may be read twice
}

func (r *reader) problem(at Position, format string, values ...any) {
	r.Problems = append(r.Problems, Problem{at, fmt.Sprintf(format, values...)})
}

// include reads the files of pattern, a path that may contain *, relative to folder.
func (r *reader) include(at Position, pattern, folder string, read func(path string, text []byte)) {
	paths := []string{pattern}
	if strings.Contains(pattern, "*") {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(folder, pattern)
		}
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			r.problem(at, "include %s: no file matches", pattern)
			return
		}
		paths = found
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil && !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
			text, err = os.ReadFile(path)
		}
		switch {
		case err != nil:
			r.problem(at, "include: %v", err)
		case r.seen[path]:
			r.problem(at, "%s is included twice, which Fluent Bit rejects", path)
		default:
			r.seen[path] = true
			read(path, text)
		}
	}
}

// kindOf is a section's name in lower case, without the plural's s that Fluent Bit also takes.
func kindOf(name string) string {
	kind := strings.ToLower(name)
	switch kind {
	case "inputs", "filters", "outputs", "customs":
		return strings.TrimSuffix(kind, "s")
	}
	return kind
}

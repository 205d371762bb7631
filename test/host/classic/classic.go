// Package classic reads Fluent Bit's classic configuration format, as much of it as the test host runs: sections with their
// properties, @SET, @INCLUDE, comments and ${VAR}. It keeps the format's traps, so that a configuration that works here works
// there: values keep quotes and a trailing "# …", the indentation must be the same in a whole file, and a variable that is not
// set leaves nothing. Facts come from Fluent Bit 5.1.1's src/config_format/flb_cf_fluentbit.c, src/flb_env.c, src/flb_meta.c,
// src/flb_router.c and plugins/in_tail/tail_file.c.
package classic

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Section is one [SECTION]: its properties in their order, names in lower case, variables already replaced.
type Section struct {
	Name       string // as written, such as OUTPUT
	Properties [][2]string
}

// Get returns a property's last value, which is what counts for those that Fluent Bit keeps for itself (tag, match, workers …);
// "" where it is absent or was empty. name is in lower case.
func (s Section) Get(name string) string {
	value := ""
	for _, kv := range s.Properties {
		if kv[0] == name {
			value = kv[1]
		}
	}
	return value
}

// Config is a configuration file with all that it includes.
type Config struct {
	Service         Section // all [SERVICE] sections as one
	Inputs, Outputs []Section
	Ignored         []string // names of other sections, each once
	Unset           []string // variables that are used but not set, each once
}

// Load reads a file. Errors name the file and the line and are those that keep Fluent Bit from starting, besides that groups
// such as [PROCESSORS] are refused here.
func Load(path string) (*Config, error) {
	r := reader{root: filepath.Dir(path), variables: map[string]string{}, seen: map[string]bool{}}
	if err := r.file(path); err != nil {
		return nil, fmt.Errorf("classic: %w", err)
	}
	c := &Config{Service: Section{Name: "SERVICE"}}
	once := map[string]bool{}
	for _, s := range r.sections {
		r.replaceVariables(s, c, once)
		switch strings.ToLower(s.Name) {
		case "service":
			c.Service.Properties = append(c.Service.Properties, s.Properties...)
		case "input", "inputs":
			c.Inputs = append(c.Inputs, *s)
		case "output", "outputs":
			c.Outputs = append(c.Outputs, *s)
		default:
			if !once["["+s.Name] {
				c.Ignored = append(c.Ignored, s.Name)
			}
			once["["+s.Name] = true
		}
	}
	return c, nil
}

// reader is one Load: what all its files share.
type reader struct {
	root      string            // folder of the first file: includes are relative to it
	variables map[string]string // from @SET
	seen      map[string]bool   // files read, since none may be read twice
	sections  []*Section
}

func (r *reader) file(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !filepath.IsAbs(path) {
		path = filepath.Join(r.root, path)
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return err
	}
	if r.seen[path] {
		return fmt.Errorf("%s: it is included twice, which Fluent Bit refuses", path)
	}
	r.seen[path] = true
	f := fileReader{reader: r}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for number := 1; lines.Scan(); number++ {
		if err := f.line(lines.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	return nil
}

// fileReader is one file: section and indentation don't cross into an included file.
type fileReader struct {
	*reader
	section *Section
	indent  string // of the first indented line; all others must have it
}

func (f *fileReader) line(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case len(line) > 9 && strings.EqualFold(line[:9], "@include "):
		return f.include(line[9:])
	case line[0] == '@' && len(line) > 3:
		return f.meta(line)
	case line[0] == '[':
		name, _, ok := strings.Cut(line[1:], "]")
		if !ok || name == "" {
			return errors.New("bad header: a section is [NAME]")
		}
		f.section = &Section{Name: name}
		f.sections = append(f.sections, f.section)
		return nil
	default:
		return f.property(line)
	}
}

func (f *fileReader) include(pattern string) error {
	if !strings.Contains(pattern, "*") {
		return f.file(pattern)
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(f.root, pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("@INCLUDE %s: no file matches", pattern)
	}
	for _, path := range paths {
		if err := f.file(path); err != nil {
			return err
		}
	}
	return nil
}

func (f *fileReader) meta(line string) error {
	command, parameters, _ := strings.Cut(line[1:], " ")
	name, value, ok := strings.Cut(strings.TrimSpace(parameters), "=")
	if !strings.EqualFold(command, "set") || !ok {
		return fmt.Errorf("%q: known are @SET name=value and @INCLUDE path", line)
	}
	f.variables[name] = value
	return nil
}

func (f *fileReader) property(line string) error {
	content := strings.TrimLeft(line, " \t")
	if f.indent == "" {
		f.indent = line[:len(line)-len(content)]
	}
	switch rest, ok := strings.CutPrefix(line, f.indent); {
	case f.indent == "" || !ok:
		return errors.New("indentation level is too low, or tabs and spaces are mixed: indent every property of the file alike")
	case len(rest)-len(content) != 0 && len(rest)-len(content) != len(f.indent):
		return errors.New("extra indentation level found: indent every property of the file alike")
	case content == "" || content[0] == '#':
		return nil
	case content[0] == '[':
		return fmt.Errorf("%s: groups are not supported here", content)
	case f.section == nil:
		return errors.New("a property before any [SECTION]")
	}
	key, value, ok := strings.Cut(content, " ")
	if value = strings.TrimSpace(value); !ok || value == "" {
		return fmt.Errorf("%s: undefined value: write key, a space (a tab won't do), and the value", key)
	}
	f.section.Properties = append(f.section.Properties, [2]string{strings.ToLower(strings.TrimSpace(key)), value})
	return nil
}

package sections

import (
	"bufio"
	"bytes"
	"strings"
)

// classicText reads one file of the classic format.
func (r *reader) classicText(path string, text []byte) {
	f := classicFile{reader: r, section: -1}
	f.at.File = path
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for f.at.Line = 1; lines.Scan(); f.at.Line++ {
		f.line(lines.Text())
	}
}

// classicFile is one file: section and indentation don't cross into an included file.
type classicFile struct {
	*reader
	at      Position
	section int    // of Sections; -1 before the first one
	indent  string // of the first indented line; all others must have it
	group   bool   // the lines that are indented twice belong to a group of the section
}

func (f *classicFile) line(line string) {
	switch {
	case line == "" || line[0] == '#':
	case len(line) > 9 && strings.EqualFold(line[:9], "@include "):
		f.include(f.at, line[9:], f.root, f.classicText)
	case line[0] == '@' && len(line) > 3:
		f.meta(line)
	case line[0] == '[':
		name, _, ok := strings.Cut(line[1:], "]")
		if !ok || name == "" {
			f.problem(f.at, "bad header: a section is [NAME]")
			return
		}
		f.Sections = append(f.Sections, Section{Kind: kindOf(name), Name: name, Position: f.at})
		f.section, f.group = len(f.Sections)-1, false
	default:
		f.property(line)
	}
}

func (f *classicFile) meta(line string) {
	command, parameters, _ := strings.Cut(line[1:], " ")
	name, value, ok := strings.Cut(strings.TrimSpace(parameters), "=")
	if !strings.EqualFold(command, "set") || !ok {
		f.problem(f.at, "%q: known are @SET name=value and @INCLUDE path", line)
		return
	}
	f.variables[name] = value
}

// property reads an indented line.
func (f *classicFile) property(line string) {
	content := strings.TrimLeft(line, " \t")
	if f.indent == "" {
		f.indent = line[:len(line)-len(content)]
	}
	rest, ok := strings.CutPrefix(line, f.indent)
	extra := len(rest) - len(content)
	switch {
	case f.indent == "" || !ok:
		f.problem(f.at, "indentation level is too low, or tabs and spaces are mixed: indent every property of the file alike")
		return
	case extra != 0 && extra != len(f.indent):
		f.problem(f.at, "extra indentation level found: indent every property of the file alike")
		return
	case content == "" || content[0] == '#':
		return
	case f.section < 0:
		f.problem(f.at, "a property before any [SECTION]")
		return
	}
	section := &f.Sections[f.section]
	if content[0] == '[' {
		name, _, _ := strings.Cut(content[1:], "]")
		section.Groups = append(section.Groups, name)
		f.group = true
		return
	}
	if extra == 0 {
		f.group = false
	}
	key, value, ok := strings.Cut(content, " ")
	if value = strings.TrimSpace(value); !ok || value == "" {
		f.problem(f.at, "%s: undefined value: write key, a space (a tab won't do), and the value", key)
		return
	}
	if key = strings.TrimSpace(key); !f.group {
		section.Properties = append(section.Properties, Property{
			Name: strings.ToLower(key), Written: key, Raw: value, Position: f.at, LastLine: f.at.Line, Column: len(f.indent) + 1,
		})
	}
}

package sections

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yamlText reads one YAML file. Nodes are used, not Go values: they know their lines, and keep keys
// that are given twice, as Fluent Bit does. The library is a port of libyaml, which Fluent Bit
// uses, so that both refuse the same files.
func (r *reader) yamlText(path string, text []byte) {
	f := yamlFile{reader: r, path: path, lines: strings.Split(string(text), "\n")}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		f.unreadable(err)
		return
	}
	if len(document.Content) == 0 {
		return
	}
	if document.Content[0].Kind != yaml.MappingNode {
		r.problem(f.at(document.Content[0]), "the file must be a map of sections: service, pipeline, includes, env …")
		return
	}
	f.pairs(document.Content[0], f.topLevel)
}

type yamlFile struct {
	*reader
	path  string
	lines []string
}

func (f *yamlFile) at(node *yaml.Node) Position { return Position{f.path, node.Line} }

var lineNumber = regexp.MustCompile(`line (\d+)`)

// unreadable reports invalid YAML, with the remedy for the two usual mistakes.
func (f *yamlFile) unreadable(err error) {
	at := Position{f.path, 1}
	if match := lineNumber.FindStringSubmatch(err.Error()); match != nil {
		at.Line, _ = strconv.Atoi(match[1])
	}
	f.problem(at, "this is no YAML (%v); a value that begins with %% or holds \": \" must stand in quotes", err)
}

func (f *yamlFile) pairs(mapping *yaml.Node, visit func(key, value *yaml.Node)) {
	if mapping.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		visit(mapping.Content[i], mapping.Content[i+1])
	}
}

func (f *yamlFile) topLevel(key, value *yaml.Node) {
	switch strings.ToLower(key.Value) {
	case "env":
		f.env(value)
	case "includes":
		for _, path := range value.Content {
			f.include(f.at(path), path.Value, filepath.Dir(f.path), f.yamlText)
		}
	case "service":
		f.section(key.Value, value)
	case "pipeline":
		f.pairs(value, func(key, list *yaml.Node) {
			for _, section := range list.Content {
				f.section(key.Value, section)
			}
		})
	}
}

// env reads the section env: a map, or a list of maps with name and value, or uri.
func (f *yamlFile) env(env *yaml.Node) {
	f.pairs(env, func(key, value *yaml.Node) { f.variables[key.Value] = value.Value })
	if env.Kind != yaml.SequenceNode {
		return
	}
	for _, entry := range env.Content {
		fields := map[string]string{}
		f.pairs(entry, func(key, value *yaml.Node) { fields[strings.ToLower(key.Value)] = value.Value })
		value := fields["value"]
		if path, ok := strings.CutPrefix(fields["uri"], "file://"); ok {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it may be there where Fluent Bit runs
			}
			value = strings.TrimRight(string(text), "\r\n")
		}
		f.variables[fields["name"]] = value
	}
}

func (f *yamlFile) section(name string, mapping *yaml.Node) {
	s := Section{Kind: kindOf(name), Name: name, Position: f.at(mapping), Flow: mapping.Style&yaml.FlowStyle != 0}
	f.pairs(mapping, func(key, value *yaml.Node) {
		if value.Kind == yaml.AliasNode || key.Kind == yaml.AliasNode || key.Tag == "!!merge" {
			f.problem(f.at(key), "Fluent Bit knows no anchors: write the value out")
			return
		}
		if key.Value == "processors" || key.Value == "routes" {
			s.Groups = append(s.Groups, key.Value)
			return
		}
		s.Properties = append(s.Properties, f.property(key, value))
	})
	f.Sections = append(f.Sections, s)
}

func (f *yamlFile) property(key, value *yaml.Node) Property {
	p := Property{Name: snake(key.Value), Written: key.Value, Raw: value.Value, Position: f.at(key), Column: key.Column}
	p.LastLine = f.lastLine(key, value)
	switch value.Kind {
	case yaml.SequenceNode:
		p.Shape = List
		for _, entry := range value.Content {
			p.Values = append(p.Values, entry.Value)
		}
		if len(p.Values) > 0 {
			p.Raw = p.Values[0]
		}
	case yaml.MappingNode:
		p.Shape = Map
	}
	return p
}

// lastLine is where a block value ends: before the first line that is not indented further than its
// key. A list's dashes may stand below the key itself.
func (f *yamlFile) lastLine(key, value *yaml.Node) int {
	last := key.Line
	for number := key.Line + 1; number <= len(f.lines); number++ {
		line := f.lines[number-1]
		content := strings.TrimLeft(line, " ")
		indent := len(line) - len(content)
		dash := value.Kind == yaml.SequenceNode && indent == key.Column-1 && strings.HasPrefix(content, "- ")
		switch {
		case strings.TrimSpace(content) == "" || content[0] == '#':
		case indent >= key.Column || dash:
			last = number
		default:
			return last
		}
	}
	return last
}

// snake converts a name in YAML as Fluent Bit does: one that starts with a small letter and has no
// underscore is read as camelCase.
func snake(name string) string {
	if name == "" || name[0] < 'a' || name[0] > 'z' || strings.Contains(name, "_") {
		return strings.ToLower(name)
	}
	var out strings.Builder
	for _, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			out.WriteByte('_')
			c += 'a' - 'A'
		}
		out.WriteByte(c)
	}
	return out.String()
}

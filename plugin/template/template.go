// Package template installs an index or component template before the first
// document is sent. docs/templates.md draws its states.
package template

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Kind is one of Elasticsearch's two kinds of templates.
type Kind uint8

// The kinds: PUT _index_template and PUT _component_template.
const (
	Index Kind = iota
	Component
)

func (k Kind) String() string {
	if k == Component {
		return "component template"
	}
	return "index template"
}

// Path is the kind's path in Elasticsearch's API.
func (k Kind) Path() string {
	if k == Component {
		return "_component_template"
	}
	return "_index_template"
}

// Template was read from a file and checked, as far as possible without the cluster.
type Template struct {
	Kind Kind
	Name string
	// Body is the file's JSON with Mark in its _meta.
	Body []byte
	// Mark is a digest of the file. An installed template with the same mark needs no replacement.
	Mark string
}

const (
	// MarkKey is the member of _meta that holds the mark.
	MarkKey = "es_go"
	// fileBytes bounds the file. Real templates, with a thousand fields, have
	// 100 KB; every node of the cluster holds it in its cluster state.
	fileBytes = 1 << 20
	// markBytes of the file's SHA-256 distinguish versions of a file.
	markBytes = 16
)

// Read reads the template of that file.
//
// Possible errors: the file can't be read; it is not JSON or not a template, with the line.
func Read(path, name string) (*Template, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", errors.Unwrap(err)) // the caller adds the path
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, fileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", errors.Unwrap(err))
	}
	if len(text) > fileBytes {
		return nil, fmt.Errorf("must not be larger than %d bytes", fileBytes)
	}
	return parse(text, name)
}

func parse(text []byte, name string) (*Template, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	members, err := membersOf(text)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(text)
	t := &Template{Name: name, Mark: hex.EncodeToString(digest[:markBytes])}
	if t.Kind, err = members.kind(text); err != nil {
		return nil, err
	}
	t.Body, err = members.marked(text, t.Mark)
	return t, err
}

// member is a member of the template's outermost object.
type member struct {
	name  string
	begin int64 // offset of the name in the file, counted from 1
	value json.RawMessage
}

type members []member

// membersOf reads the outermost object and all its values.
func membersOf(text []byte) (members, error) {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &whole); errors.As(err, &syntax) {
		return nil, at(text, syntax.Offset, "is no JSON: "+syntax.Error())
	} else if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, _ := decoder.Token(); token != json.Delim('{') {
		return nil, at(text, decoder.InputOffset(), "must be a JSON object")
	}
	var all members
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err // its syntax was checked before
		}
		m := member{name: name.(string), begin: decoder.InputOffset() - int64(len(name.(string))) - 1}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		if all.find(m.name) != nil {
			return nil, at(text, m.begin, fmt.Sprintf("has %q twice", m.name))
		}
		all = append(all, m)
	}
	return all, nil
}

func (all members) find(name string) *member {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

// kind distinguishes the kinds, and both from a legacy template, which has settings and mappings
// outermost.
func (all members) kind(text []byte) (Kind, error) {
	for _, legacy := range []string{"settings", "mappings", "aliases", "order"} {
		if m := all.find(legacy); m != nil {
			return 0, at(text, m.begin, fmt.Sprintf("has %q outermost, as legacy templates do: settings, mappings and aliases belong into \"template\"", legacy))
		}
	}
	switch {
	case all.find("index_patterns") != nil:
		return Index, nil
	case all.find("template") != nil:
		return Component, nil
	}
	return 0, at(text, 0, `must have "index_patterns" (an index template) or "template" (a component template), as PUT _index_template takes them`)
}

// marked returns the template with the mark in its _meta.
func (all members) marked(text []byte, mark string) ([]byte, error) {
	meta := all.find("_meta")
	if meta == nil {
		meta = &member{name: "_meta", value: json.RawMessage("{}")}
		all = append(members{*meta}, all...)
	}
	if !bytes.HasPrefix(meta.value, []byte("{")) {
		return nil, at(text, meta.begin, `must have an object as "_meta"`)
	}
	var out bytes.Buffer
	for i, m := range all {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		name, _ := json.Marshal(m.name) // a string can't fail
		fmt.Fprintf(&out, "%s%s:", separator, name)
		if m.name == "_meta" {
			m.value = markMeta(m.value, mark)
		}
		out.Write(m.value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// markMeta puts the mark first into an object.
func markMeta(object json.RawMessage, mark string) json.RawMessage {
	rest := bytes.TrimSpace(object[1:])
	separator := ","
	if rest[0] == '}' {
		separator = ""
	}
	return fmt.Appendf(nil, `{"%s":"%s"%s%s`, MarkKey, mark, separator, rest)
}

// at returns an error with the line and column of the byte before offset.
func at(text []byte, offset int64, problem string) error {
	before := text[:max(0, min(offset-1, int64(len(text))))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %s", line, column, problem)
}

// CheckName returns an error for an invalid template name: Elasticsearch's own rules
// (MetadataIndexTemplateService.validate), and no character that a URL would have to escape.
func CheckName(name string) error {
	const allowed = "must be of lower-case letters, digits and the characters @ . _ - only"
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
		return errors.New("must not begin with a dot or an underscore")
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', strings.IndexByte("._-@", c) >= 0:
		default:
			return errors.New(allowed)
		}
	}
	if len(name) > 255 {
		return errors.New("must not be longer than 255 bytes")
	}
	return nil
}

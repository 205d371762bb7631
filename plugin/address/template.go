package address

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/strftime"

	"out_es/plugin/chunk"
)

// Template renders a text from an event's time, tag and record. docs/configuration.md, "Templates",
// has its language.
type Template struct{ parts []part }

// part is one piece of a template.
type part struct {
	kind    partKind
	literal string
	date    *strftime.Strftime
	// number is that of a field's path, or of the tag's part, -1 for the whole tag.
	number int
	// other is the fallback for a missing field or part of the tag; nil for none.
	other *Template
}

type partKind uint8

const (
	literalPart partKind = iota
	datePart
	tagPart
	fieldPart
)

// ParseDate compiles a strftime pattern of templates and Time_Key_Format: strftime's own, and %s
// for seconds since 1970. %Z is GMT, as in C.
//
// Possible errors: an unknown specification.
func ParseDate(pattern string) (*strftime.Strftime, error) {
	date, err := compileDate(pattern)
	if err != nil {
		return nil, fmt.Errorf("must be a strftime format: it has no %q", unknownSpecification(pattern))
	}
	return date, nil
}

func compileDate(pattern string) (*strftime.Strftime, error) {
	return strftime.New(pattern, strftime.WithUnixSeconds('s'), strftime.WithSpecification('Z', strftime.Verbatim("GMT")))
}

// unknownSpecification finds the unknown specification of a pattern.
func unknownSpecification(pattern string) string {
	for i := strings.IndexByte(pattern, '%'); i >= 0 && i < len(pattern); i++ {
		if pattern[i] != '%' {
			continue
		}
		specification := pattern[i:min(i+2, len(pattern))]
		if _, err := compileDate(specification); err != nil {
			return specification
		}
		i++
	}
	return pattern
}

// ParseTemplate compiles text. The record accessors in it are added to paths.
//
// Possible errors: a broken accessor, an unknown strftime specification.
func ParseTemplate(text string, paths *chunk.Paths) (*Template, error) {
	t := &Template{}
	for text != "" {
		var err error
		switch {
		case strings.HasPrefix(text, "$TAG"):
			text, err = t.parseTag(text)
		case text[0] == '$':
			text, err = t.parsePath(text, paths)
		default:
			n := strings.IndexByte(text, '$')
			if n < 0 {
				n = len(text)
			}
			err = t.addText(text[:n])
			text = text[n:]
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addText adds literals and dates.
func (t *Template) addText(text string) error {
	if !strings.Contains(text, "%") {
		t.parts = append(t.parts, part{literal: text})
		return nil
	}
	date, err := ParseDate(text)
	if err != nil {
		return err
	}
	t.parts = append(t.parts, part{kind: datePart, date: date})
	return nil
}

// parseTag parses $TAG or $TAG[n], and its fallback. As in Fluent Bit (flb_record_accessor.c),
// characters directly behind $TAG are not part of its name.
func (t *Template) parseTag(text string) (rest string, err error) {
	p := part{kind: tagPart, number: -1}
	rest = text[len("$TAG"):]
	if strings.HasPrefix(rest, "[") {
		number, after, found := strings.Cut(rest[1:], "]")
		n, err := strconv.ParseUint(number, 10, 16)
		if !found || err != nil {
			return text, fmt.Errorf("%q: a part of the tag is written $TAG[0]", text)
		}
		p.number, rest = int(n), after
	}
	return t.addField(p, rest)
}

// parsePath parses an accessor and its fallback.
func (t *Template) parsePath(text string, paths *chunk.Paths) (rest string, err error) {
	path, rest, err := chunk.ParsePath(text)
	if err != nil {
		return text, fmt.Errorf("%q is no record accessor: write $key, $key['inner'] or $list[0]", text)
	}
	return t.addField(part{kind: fieldPart, number: paths.Add(path)}, rest)
}

// addField parses a fallback at the start of rest, if any, and adds p.
func (t *Template) addField(p part, rest string) (after string, err error) {
	if strings.HasPrefix(rest, "|") {
		word, after := chunk.CutWord(rest[1:])
		if word == "" {
			return rest, fmt.Errorf("%q: a word of letters, digits and _ must follow the |", rest)
		}
		p.other = &Template{parts: []part{{literal: word}}}
		rest = after
	}
	t.parts = append(t.parts, p)
	return rest, nil
}

// Join makes one template of several, in order.
func Join(templates ...*Template) *Template {
	all := &Template{}
	for _, t := range templates {
		all.parts = append(all.parts, t.parts...)
	}
	return all
}

// Field makes a template of the path of that number, with other for records
// without it.
func Field(number int, other *Template) *Template {
	return &Template{parts: []part{{kind: fieldPart, number: number, other: other}}}
}

// appendFields appends the numbers of the paths that the template's text depends on.
func (t *Template) appendFields(dst []int) []int {
	for i := range t.parts {
		p := &t.parts[i]
		if p.kind == fieldPart {
			dst = append(dst, p.number)
		}
		if p.other != nil {
			dst = p.other.appendFields(dst)
		}
	}
	return dst
}

// Append appends the template's text for an event with these values at the paths. ok is false if a
// field or a part of the tag is missing and has no fallback.
func (t *Template) Append(dst []byte, tag string, at time.Time, values chunk.Values) (out []byte, ok bool) {
	for i := range t.parts {
		p := &t.parts[i]
		switch p.kind {
		case datePart:
			dst = p.date.FormatBuffer(dst, at)
		case tagPart, fieldPart:
			dst, ok = p.appendField(dst, tag, at, values)
			if !ok {
				return dst, false
			}
		case literalPart:
			dst = append(dst, p.literal...)
		}
	}
	return dst, true
}

// appendField appends the field or the part of the tag, or its fallback if it is missing or empty.
func (p *part) appendField(dst []byte, tag string, at time.Time, values chunk.Values) (out []byte, ok bool) {
	mark := len(dst)
	if p.kind == tagPart {
		dst = append(dst, partOf(tag, p.number)...)
	} else if value := values[p.number]; value != nil {
		dst, ok = chunk.AppendText(dst, value)
		if !ok {
			dst = dst[:mark]
		}
	}
	if len(dst) > mark {
		return dst, true
	}
	if p.other == nil {
		return dst, false
	}
	return p.other.Append(dst, tag, at, values)
}

// partOf returns the n-th part between dots, the whole tag if n is -1, and "" if there are fewer
// parts.
func partOf(tag string, n int) string {
	if n < 0 {
		return tag
	}
	for range n {
		_, after, found := strings.Cut(tag, ".")
		if !found {
			return ""
		}
		tag = after
	}
	tag, _, _ = strings.Cut(tag, ".")
	return tag
}

// IsLiteral reports whether the template has the same text for every event.
func (t *Template) IsLiteral() bool {
	for i := range t.parts {
		if t.parts[i].kind != literalPart {
			return false
		}
	}
	return true
}

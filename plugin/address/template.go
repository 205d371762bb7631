package address

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/strftime"

	"out_es/plugin/chunk"
)

// Template makes a text out of an event's time, tag and record. Its language
// is in docs/configuration.md, "Templates".
type Template struct {
	parts []part
	// fromRecord says that its text depends on the record.
	fromRecord bool
}

// part is one piece of a template; just one of its fields is set.
type part struct {
	literal string
	date    *strftime.Strftime
	path    chunk.Path
	// other stands in for a path that leads nowhere; nil for none.
	other *Template
	tag   bool
	// tagPart is -1 for the whole tag.
	tagPart int
}

// ParseDate compiles a strftime pattern as templates and Time_Key_Format know
// it: strftime's own, and %s for seconds since 1970.
//
// Possible errors: an unknown specification.
func ParseDate(pattern string) (*strftime.Strftime, error) {
	date, err := strftime.New(pattern, strftime.WithUnixSeconds('s'))
	if err != nil {
		return nil, fmt.Errorf("must be a strftime format: %w", err)
	}
	return date, nil
}

// ParseTemplate compiles text.
//
// Possible errors: a broken accessor, an unknown strftime specification.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	for text != "" {
		var err error
		switch {
		case strings.HasPrefix(text, "$TAG"):
			text, err = t.parseTag(text)
		case text[0] == '$':
			text, err = t.parsePath(text)
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

// addText takes literals and dates.
func (t *Template) addText(text string) error {
	if !strings.Contains(text, "%") {
		t.parts = append(t.parts, part{literal: text})
		return nil
	}
	date, err := ParseDate(text)
	if err != nil {
		return err
	}
	t.parts = append(t.parts, part{date: date})
	return nil
}

// parseTag takes $TAG or $TAG[n].
func (t *Template) parseTag(text string) (rest string, err error) {
	rest = text[len("$TAG"):]
	if !strings.HasPrefix(rest, "[") {
		t.parts = append(t.parts, part{tag: true, tagPart: -1})
		return rest, nil
	}
	number, rest, found := strings.Cut(rest[1:], "]")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 0 {
		return text, fmt.Errorf("%q: a part of the tag is written $TAG[0]", text)
	}
	t.parts = append(t.parts, part{tag: true, tagPart: n})
	return rest, nil
}

// parsePath takes an accessor and the fallback behind it.
func (t *Template) parsePath(text string) (rest string, err error) {
	path, rest, err := chunk.ParsePath(text)
	if err != nil {
		return text, fmt.Errorf("%q is no record accessor: write $key, $key['inner'] or $list[0]", text)
	}
	p := part{path: path}
	if strings.HasPrefix(rest, "|") {
		n := 1
		for n < len(rest) && isWord(rest[n]) {
			n++
		}
		if n == 1 {
			return text, fmt.Errorf("%q: a word of letters, digits and _ must follow the |", text)
		}
		p.other = &Template{parts: []part{{literal: rest[1:n]}}}
		rest = rest[n:]
	}
	t.fromRecord = true
	t.parts = append(t.parts, p)
	return rest, nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Join makes one template of several, in order.
func Join(templates ...*Template) *Template {
	all := &Template{}
	for _, t := range templates {
		all.parts = append(all.parts, t.parts...)
		all.fromRecord = all.fromRecord || t.fromRecord
	}
	return all
}

// Path makes a template of one accessor, with other for records without it.
func Path(path chunk.Path, other *Template) *Template {
	return &Template{parts: []part{{path: path, other: other}}, fromRecord: true}
}

// Append appends the template's text for an event. ok is false where a field
// or a part of the tag is missing that has no fallback.
func (t *Template) Append(dst []byte, tag string, at time.Time, record []byte) (out []byte, ok bool) {
	for i := range t.parts {
		p := &t.parts[i]
		switch {
		case p.date != nil:
			dst = p.date.FormatBuffer(dst, at)
		case p.path != nil:
			dst, ok = p.appendPath(dst, tag, at, record)
			if !ok {
				return dst, false
			}
		case p.tag:
			dst, ok = p.appendTag(dst, tag)
			if !ok {
				return dst, false
			}
		default:
			dst = append(dst, p.literal...)
		}
	}
	return dst, true
}

func (p *part) appendPath(dst []byte, tag string, at time.Time, record []byte) (out []byte, ok bool) {
	mark := len(dst)
	if value := p.path.Lookup(record); value != nil {
		dst, ok = chunk.AppendText(dst, value)
	}
	if ok && len(dst) > mark {
		return dst, true
	}
	if p.other == nil {
		return dst[:mark], false
	}
	return p.other.Append(dst[:mark], tag, at, record)
}

func (p *part) appendTag(dst []byte, tag string) (out []byte, ok bool) {
	if p.tagPart < 0 {
		return append(dst, tag...), true
	}
	for range p.tagPart {
		_, after, found := strings.Cut(tag, ".")
		if !found {
			return dst, false
		}
		tag = after
	}
	tag, _, _ = strings.Cut(tag, ".")
	return append(dst, tag...), true
}

// IsLiteral says whether the template has the same text for every event.
func (t *Template) IsLiteral() bool {
	for i := range t.parts {
		if p := &t.parts[i]; p.date != nil || p.path != nil || p.tag {
			return false
		}
	}
	return true
}

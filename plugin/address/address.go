// Package address determines where an event's document goes: the index or data stream, the id, the
// pipeline and the routing.
package address

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"out_es/plugin/chunk"
)

// Options are the templates of addresses.
type Options struct {
	// Name is the index, or a data stream's three parts.
	Name []Part
	// MaxBytes is the maximum length of a name in bytes.
	MaxBytes int
	Clock    Clock
	IDs      IDSource
	// IDPath is the number of the path for RecordIDs.
	IDPath int
	// Pipeline and Routing are nil for none.
	Pipeline, Routing *Template
}

// Part is one part of a name, sanitized on its own; parts are joined by `-`.
type Part struct {
	Template *Template
	// Default is used for an event for which the template, after the rules for names, leaves
	// nothing.
	Default  *Template
	MaxBytes int
	// NoSeparator means that the part must not contain the separator `-`.
	NoSeparator bool
}

// Clock is the time in a name.
type Clock uint8

// The event's own time, or the time of sending.
const (
	EventTime Clock = iota
	SendTime
)

// IDSource is the source of ids.
type IDSource uint8

// The sources of ids.
const (
	ElasticsearchIDs IDSource = iota
	RecordIDs
	GeneratedIDs
)

// IndexOptions are those of an ordinary index.
func IndexOptions(name, fallback *Template) Options {
	return Options{Name: []Part{{Template: name, Default: fallback, MaxBytes: maxIndexBytes}}, MaxBytes: maxIndexBytes}
}

// DataStreamOptions are those of a data stream `type-dataset-namespace`.
func DataStreamOptions(kind, dataset, namespace Part) Options {
	dataset.MaxBytes, namespace.MaxBytes, kind.MaxBytes = maxPartBytes, maxPartBytes, maxPartBytes
	kind.NoSeparator, dataset.NoSeparator = true, true
	return Options{Name: []Part{kind, dataset, namespace}, MaxBytes: maxDataStreamBytes}
}

// maxIDBytes is Elasticsearch's limit (IndexRequest.MAX_DOCUMENT_ID_LENGTH_IN_BYTES):
// one id above it fails the whole request.
const maxIDBytes = 512

// ErrIDTooLong means that a record's own id is longer than Elasticsearch accepts. ErrNoID means
// that, with RecordIDs, the record has no id, or one that is no text, number or boolean.
var (
	ErrIDTooLong = errors.New("address: the id is longer than 512 bytes")
	ErrNoID      = errors.New("address: the record has no id where Id_Key points to")
)

// Constant is the legal name of every event; "" if it depends on the event.
func (o Options) Constant() string {
	for _, p := range o.Name {
		if !p.Template.IsLiteral() {
			return ""
		}
	}
	w := NewWriter(o)
	w.Begin("", time.Time{})
	return strings.Trim(string(w.IndexAt(chunk.Time{}, nil)), `"`)
}

// Writer makes addresses. It keeps the last name, since the next event mostly has the same, and is
// not safe for concurrent use.
type Writer struct {
	options Options
	// fields are the numbers of the paths in names.
	fields []int
	tag    string
	now    time.Time

	second    int64
	fieldsKey []byte // the fields of name
	name      []byte // quoted; for second and key
	id        []byte // quoted
	part      []byte
	ids       ids

	pipeline, routing actionField
}

// NewWriter returns a writer; Begin must come before the first event.
func NewWriter(o Options) *Writer {
	w := &Writer{options: o, pipeline: newActionField(o.Pipeline), routing: newActionField(o.Routing)}
	for _, p := range o.Name {
		w.fields = p.Default.appendFields(p.Template.appendFields(w.fields))
	}
	return w
}

// Begin starts a chunk with this tag.
func (w *Writer) Begin(tag string, now time.Time) {
	w.tag, w.now = tag, now.UTC()
	w.name = w.name[:0]
	w.pipeline.known, w.routing.known = false, false
	w.ids.begin(tag)
}

// NeedsRecord reports whether addresses depend on the record, which must then have been walked.
func (w *Writer) NeedsRecord() bool {
	return len(w.fields) > 0 || w.options.IDs != ElasticsearchIDs || w.pipeline.fromRecord || w.routing.fromRecord
}

// CountsEvents reports whether ID must see every event of a chunk, in order, including those that
// are not sent.
func (w *Writer) CountsEvents() bool { return w.options.IDs == GeneratedIDs }

// Index returns e's index as a JSON string, valid until the next call. values are e's at the paths
// of the templates.
func (w *Writer) Index(e *chunk.Event, values chunk.Values) []byte { return w.IndexAt(e.Time, values) }

// IndexAt is Index for an event of that time.
func (w *Writer) IndexAt(t chunk.Time, values chunk.Values) []byte {
	if (len(w.fields) == 0 || w.sameFields(values)) && len(w.name) > 0 && (t.Seconds == w.second || w.options.Clock == SendTime) {
		return w.name
	}
	w.second = t.Seconds
	at := w.clock(t)
	w.name = append(w.name[:0], '"')
	for i, p := range w.options.Name {
		if i > 0 {
			w.name = append(w.name, '-')
		}
		w.name = append(w.name, w.renderPart(p, at, values)...)
	}
	w.name = append(truncate(w.name, w.options.MaxBytes+1), '"') // 1 for the quote
	return w.name
}

// clock returns the time for templates.
func (w *Writer) clock(t chunk.Time) time.Time {
	if w.options.Clock == SendTime {
		return w.now
	}
	return time.Unix(t.Seconds, int64(t.Nanos)).UTC()
}

// sameFields reports whether the fields of names equal those of the last event.
func (w *Writer) sameFields(values chunk.Values) bool {
	w.part = w.part[:0]
	for _, number := range w.fields {
		head := len(w.part)
		w.part = append(w.part, missingField, 0, 0, 0)
		if value := values[number]; value != nil {
			var ok bool
			if w.part, ok = chunk.AppendText(w.part, value); ok {
				// The length, so that no two lists of texts have the same bytes.
				binary.BigEndian.PutUint32(w.part[head:], uint32(len(w.part)-head))
			}
		}
	}
	if string(w.part) == string(w.fieldsKey) {
		return true
	}
	w.part, w.fieldsKey = w.fieldsKey, w.part
	return false
}

// missingField marks a missing field: a length that exceeds any chunk.
const missingField = 0xff

// renderPart renders one part.
func (w *Writer) renderPart(p Part, at time.Time, values chunk.Values) []byte {
	for _, t := range [...]*Template{p.Template, p.Default} {
		text, ok := t.Append(w.part[:0], w.tag, at, values)
		w.part = text[:0]
		if !ok {
			continue
		}
		if p.NoSeparator {
			replaceSeparator(text)
		}
		if text = sanitize(text, p.MaxBytes); len(text) > 0 {
			return text
		}
	}
	return []byte("unnamed") // the default itself has no legal character
}

func replaceSeparator(text []byte) {
	for i, c := range text {
		if c == '-' {
			text[i] = '_'
		}
	}
}

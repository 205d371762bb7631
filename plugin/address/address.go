// Package address says where an event's document goes: the index or data
// stream, and its id.
package address

import (
	"errors"
	"time"

	"out_es/plugin/chunk"
)

// Options say how addresses are made.
type Options struct {
	// Name is the index, or a data stream's three parts.
	Name []Part
	// Longest is the longest name.
	Longest int
	Clock   Clock
	// IDPath leads to the id in the record; nil for none.
	IDPath chunk.Path
	IDs    IDSource
}

// Part is one part of a name, made legal on its own; parts are joined by `-`.
type Part struct {
	Template *Template
	// Default is used for an event that the template, or the law of names,
	// leaves nothing of.
	Default *Template
	Longest int
	// Inner says that the part must not hold the joint.
	Inner bool
}

// Clock says which time is in a name.
type Clock uint8

// The event's own time, or that of sending.
const (
	EventTime Clock = iota
	SendingTime
)

// IDSource says where ids come from.
type IDSource uint8

// The sources of ids.
const (
	ElasticsearchIDs IDSource = iota
	RecordIDs
	GeneratedIDs
)

// IndexOptions are those of an ordinary index.
func IndexOptions(name, fallback *Template) Options {
	return Options{Name: []Part{{Template: name, Default: fallback, Longest: longestIndex}}, Longest: longestIndex}
}

// DataStreamOptions are those of a data stream `type-dataset-namespace`.
func DataStreamOptions(kind, dataset, namespace Part) Options {
	dataset.Longest, namespace.Longest, kind.Longest = longestPart, longestPart, longestPart
	kind.Inner, dataset.Inner = true, true
	return Options{Name: []Part{kind, dataset, namespace}, Longest: longestDataStream}
}

// longestID is Elasticsearch's limit (IndexRequest.MAX_DOCUMENT_ID_LENGTH_IN_BYTES):
// one id above it fails the whole request.
const longestID = 512

// ErrIDTooLong means that a record's own id is longer than Elasticsearch
// takes.
var ErrIDTooLong = errors.New("address: the id is longer than 512 bytes")

// Writer makes addresses. It keeps the last name that depends on nothing but
// the second, and is not safe for concurrent use.
type Writer struct {
	options    Options
	fromRecord bool
	tag        string
	now        time.Time

	second int64
	name   []byte // quoted; of second, where no record is needed
	id     []byte // quoted
	part   []byte
	ids    ids
}

// NewWriter returns a writer; Begin must come before the first event.
func NewWriter(o Options) *Writer {
	w := &Writer{options: o}
	for _, p := range o.Name {
		w.fromRecord = w.fromRecord || p.Template.fromRecord || p.Default.fromRecord
	}
	return w
}

// Begin starts a chunk with this tag.
func (w *Writer) Begin(tag string, now time.Time) {
	w.tag, w.now = tag, now.UTC()
	w.name = w.name[:0]
	w.ids.begin(tag)
}

// NeedsRecord says whether Index or ID look into the record, which must then
// be cut to its bounds.
func (w *Writer) NeedsRecord() bool { return w.fromRecord || w.options.IDs != ElasticsearchIDs }

// CountsEvents says that ID must see every event of a chunk, in order, also
// those that are not sent.
func (w *Writer) CountsEvents() bool { return w.options.IDs == GeneratedIDs }

// Index returns e's index as a JSON string, valid until the next call.
func (w *Writer) Index(e *chunk.Event) []byte {
	if len(w.name) > 0 && !w.fromRecord && (e.Time.Seconds == w.second || w.options.Clock == SendingTime) {
		return w.name
	}
	w.second = e.Time.Seconds
	at := w.now
	if w.options.Clock == EventTime {
		at = time.Unix(e.Time.Seconds, int64(e.Time.Nanos)).UTC()
	}
	w.name = append(w.name[:0], '"')
	for i, p := range w.options.Name {
		if i > 0 {
			w.name = append(w.name, '-')
		}
		w.name = append(w.name, w.legalPart(p, at, e.Record)...)
	}
	w.name = append(cutAt(w.name, w.options.Longest+1), '"') // 1 for the quote
	return w.name
}

// legalPart renders one part.
func (w *Writer) legalPart(p Part, at time.Time, record []byte) []byte {
	for _, t := range [...]*Template{p.Template, p.Default} {
		text, ok := t.Append(w.part[:0], w.tag, at, record)
		w.part = text[:0]
		if !ok {
			continue
		}
		if p.Inner {
			replaceJoint(text)
		}
		if text = legalize(text, p.Longest); len(text) > 0 {
			return text
		}
	}
	return []byte("unnamed") // a default that is itself no name
}

func replaceJoint(text []byte) {
	for i, c := range text {
		if c == '-' {
			text[i] = '_'
		}
	}
}

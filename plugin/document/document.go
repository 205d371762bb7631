// Package document writes Fluent Bit's events as Elasticsearch documents: one
// JSON object on one line, with the event's time and, where asked for, its tag
// and metadata beside the record's own fields.
//
// docs/documents.md has the table of what becomes of each msgpack type.
package document

import (
	"bytes"
	"time"

	"github.com/lestrrat-go/strftime"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// Options say what a document holds beside the record. An empty key leaves
// that field out.
type Options struct {
	TimeKey    string
	TimeFormat *strftime.Strftime
	Precision  Precision
	// TagKey receives the tag.
	TagKey string
	// MetadataKey receives the event's metadata, where there is any.
	MetadataKey string
	Dots        Dots
	// Paths are looked for in the record; nil for none.
	Paths *chunk.Paths
}

// Precision is how many digits of a second a document's time has.
type Precision uint8

// The precisions that Time_Key_Nanos chooses between.
const (
	Milliseconds Precision = iota
	Nanoseconds
)

// Dots says what becomes of dots in keys.
type Dots uint8

// KeepDots leaves them; ReplaceDots writes underscores, at every depth.
const (
	KeepDots Dots = iota
	ReplaceDots
)

// Writer turns events into documents. It keeps the last second it formatted,
// and is not safe for concurrent use.
type Writer struct {
	options Options
	dots    bool
	// quoted are the added keys as they stand in a document, quotes included,
	// by their field; nil for a field that is not added.
	quoted [fields][]byte
	tag    []byte // the chunk's tag, quoted

	second    int64  // the second that formatted holds
	formatted []byte // quote and date, ready to be appended
	date      []byte // the date as strftime made it

	memos [memoPlaces]memo

	root   *chunk.Branch // of Options.Paths
	values chunk.Values

	cut int
}

// The fields that a document can be given beside the record's own.
const (
	timeField = iota
	tagField
	metadataField
	fields
)

// NewWriter returns a writer; Begin must come before the first Append.
func NewWriter(o Options) *Writer {
	w := &Writer{options: o, dots: o.Dots == ReplaceDots, root: o.Paths.Root(), values: make(chunk.Values, o.Paths.Len())}
	for field, key := range [fields]string{o.TimeKey, o.TagKey, o.MetadataKey} {
		if key != "" {
			w.quoted[field] = jsontext.AppendString(nil, []byte(key))
		}
	}
	return w
}

// Begin sets the tag of the events that follow. tag is copied.
func (w *Writer) Begin(tag string) {
	w.tag = jsontext.AppendString(w.tag[:0], []byte(tag))
}

// Cut returns how many values were replaced by null since the last call,
// because they lay deeper than a document may be.
func (w *Writer) Cut() int {
	n := w.cut
	w.cut = 0
	return n
}

// Append writes e's document, without a line end, and returns what follows the
// record in the chunk. A field of the record wins over one that would be added
// under the same key, as in the built-in plugin (plugins/out_es/es.c): a
// second one would make Elasticsearch refuse the document.
//
// Possible errors: chunk.ErrTruncated; out then ends in half a document.
func (w *Writer) Append(dst []byte, e *chunk.Event) (out, rest []byte, err error) {
	n, b, err := mapHeader(e.Record)
	if err != nil {
		return dst, nil, err
	}
	clear(w.values)
	dst = append(dst, '{')
	var taken [fields]bool
	for i := range n {
		mark, branch := len(dst), w.root.Member(b)
		if dst, b, err = w.key(dst, b, 1); err != nil {
			return dst, nil, err
		}
		for field, quoted := range &w.quoted {
			if len(quoted) == len(dst)-mark && bytes.Equal(quoted, dst[mark:]) {
				taken[field] = true
			}
		}
		dst = append(dst, ':')
		if dst, b, err = w.field(dst, b, i, branch); err != nil {
			return dst, nil, err
		}
		dst = append(dst, ',')
	}
	if dst, err = w.appendFields(dst, e, taken); err != nil {
		return dst, nil, err
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}'), b, nil
}

// appendFields adds what is not taken, with a comma behind each field.
func (w *Writer) appendFields(dst []byte, e *chunk.Event, taken [fields]bool) ([]byte, error) {
	if key := w.quoted[timeField]; key != nil && !taken[timeField] {
		dst = append(append(dst, key...), ':')
		dst = append(w.AppendTime(dst, e.Time), ',')
	}
	if key := w.quoted[tagField]; key != nil && !taken[tagField] {
		dst = append(append(dst, key...), ':')
		dst = append(append(dst, w.tag...), ',')
	}
	key := w.quoted[metadataField]
	if key == nil || taken[metadataField] || isEmpty(e.Metadata) {
		return dst, nil
	}
	dst = append(append(dst, key...), ':')
	dst, _, err := w.value(dst, e.Metadata, 1)
	return append(dst, ','), err
}

// AppendTime appends t in quotes, as Time_Key_Format and a fraction of three
// or nine digits, in UTC.
func (w *Writer) AppendTime(dst []byte, t chunk.Time) []byte {
	if t.Seconds != w.second || len(w.formatted) == 0 {
		w.second = t.Seconds
		w.date = w.options.TimeFormat.FormatBuffer(w.date[:0], time.Unix(t.Seconds, 0).UTC())
		w.date = append(w.date, '.')
		// A format may hold quotes, and %n is a line end.
		w.formatted = jsontext.AppendString(w.formatted[:0], w.date)
		w.formatted = w.formatted[:len(w.formatted)-1]
	}
	dst = append(dst, w.formatted...)
	if w.options.Precision == Nanoseconds {
		dst = appendFraction(dst, t.Nanos, 9)
	} else {
		dst = appendFraction(dst, t.Nanos/1e6, 3)
	}
	return append(dst, 'Z', '"')
}

// isEmpty says whether there is no metadata. Fluent Bit writes an empty map in
// any of its three forms.
func isEmpty(metadata []byte) bool {
	n, _, err := mapHeader(metadata)
	return err != nil || n == 0
}

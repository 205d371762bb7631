// Package document writes Fluent Bit's events as Elasticsearch documents: one JSON object on one
// line, with the event's time and optionally its tag and metadata beside the record's own fields.
//
// docs/documents.md has the table of msgpack types and their JSON.
package document

import (
	"hash/maphash"
	"time"

	"github.com/lestrrat-go/strftime"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// Options say which fields a document has beside the record. An empty key leaves that field out.
type Options struct {
	TimeKey    string
	TimeFormat *strftime.Strftime
	Precision  Precision
	// TagKey is the field for the tag.
	TagKey string
	// MetadataKey is the field for the event's metadata, if there is any.
	MetadataKey string
	Dots        Dots
	// Paths are looked up in the record, then in OTLP's fields of the event, then in its group. Nil
	// means no paths.
	Paths *chunk.Paths
}

// Precision is the number of digits of a second that a document's time has.
type Precision uint8

// The precisions that Time_Key_Nanos chooses between.
const (
	Milliseconds Precision = iota
	Nanoseconds
)

// Dots is the policy for dots in keys.
type Dots uint8

// KeepDots leaves dots alone; ReplaceDots replaces them by underscores, at every depth.
const (
	KeepDots Dots = iota
	ReplaceDots
)

// Writer turns events into documents. It keeps the last second that it formatted, and is not safe
// for concurrent use.
type Writer struct {
	options Options
	dots    bool
	// quoted are the added keys as in a document, quotes included, indexed by field; nil for a
	// field that is not added.
	quoted [fields][]byte
	tags   [fields]uint16 // of their hashes
	tag    []byte         // the chunk's tag as a member: key, colon and text

	second    int64  // the second of formatted
	formatted []byte // the time as a member, up to and without its fraction
	date      []byte // the date as formatted by strftime

	memos memos

	root   *chunk.Branch // of Options.Paths
	values chunk.Values

	streams Namer // nil if no data stream is named

	keys keyCache
	// last is the entry of the key that was written last; it points to unknown for a key without an
	// entry.
	last    *cachedKey
	unknown cachedKey
	// members and slots are stacks: an object that is being written has its elements above those of
	// the object around it.
	members []member
	slots   []int32
	// Buffers for repairing a key and for rebuilding an object.
	replaced, repaired, scratch []byte

	truncated int
	changed   Changes

	fromMetadata metadataValues
}

// The fields that can be added to a document beside the record's own.
const (
	timeField = iota
	tagField
	metadataField
	streamField // and the three behind it
	fields      = streamField + len(streamKeys)
)

// NewWriter returns a writer; Begin must come before the first Append.
func NewWriter(o Options) *Writer {
	w := &Writer{
		options: o, dots: o.Dots == ReplaceDots, keys: keyCache{seed: maphash.MakeSeed()},
		root: o.Paths.Root(), values: make(chunk.Values, o.Paths.Len()), fromMetadata: newMetadataValues(o.Paths),
	}
	w.last = &w.unknown
	for field, key := range [...]string{timeField: o.TimeKey, tagField: o.TagKey, metadataField: o.MetadataKey} {
		if key != "" {
			w.addField(field, key)
		}
	}
	return w
}

func (w *Writer) addField(field int, key string) {
	w.quoted[field] = jsontext.AppendString(nil, []byte(key))
	w.tags[field] = uint16(maphash.Bytes(w.keys.seed, w.quoted[field]))
}

// Begin sets the tag of the following events, which come from another chunk. tag is copied.
func (w *Writer) Begin(tag string) {
	w.tag = jsontext.AppendString(append(append(w.tag[:0], w.quoted[tagField]...), ':'), []byte(tag))
	w.fromMetadata.group = nil
}

// Truncated returns the number of values that were replaced by null since the last call, because
// they lay deeper than a document may be.
func (w *Writer) Truncated() int {
	n := w.truncated
	w.truncated = 0
	return n
}

// Append writes e's document, without a line end, and returns the rest of the chunk behind the
// record. A field of the record wins over an added field with the same key, as in the built-in
// plugin (plugins/out_es/es.c): Elasticsearch rejects a document that has both.
//
// Possible errors: chunk.ErrTruncated; out then ends in half a document.
func (w *Writer) Append(dst []byte, e *chunk.Event) (out, rest []byte, err error) {
	n, b, err := mapHeader(e.Record)
	if err != nil {
		return dst, nil, err
	}
	clear(w.values)
	w.members, w.slots = emptied(w.members), emptied(w.slots)
	w.last = &w.unknown
	var o object
	w.open(&o, b, topDepth)
	if dst, b, err = w.fields(dst, b, n, &o, w.root); err != nil {
		return dst, nil, err
	}
	if w.root != nil && (len(e.Group) > 0 || len(e.Metadata) > 1) {
		if err = w.addMetadataValues(e); err != nil {
			return dst, nil, err
		}
	}
	if dst, err = w.appendFields(dst, e, &o); err != nil {
		return dst, nil, err
	}
	return w.close(dst, &o), b, nil
}

// appendFields adds the fields that the record lacks.
func (w *Writer) appendFields(dst []byte, e *chunk.Event, o *object) ([]byte, error) {
	if w.adds(timeField, o) {
		dst = w.appendTime(w.add(dst, timeField, o), e.Time)
	}
	if w.adds(tagField, o) {
		dst = append(w.add(dst, tagField, o), w.tag...)
	}
	if w.quoted[metadataField] != nil {
		var err error
		if dst, err = w.appendMetadata(dst, e, o); err != nil {
			return dst, err
		}
	}
	if w.streams == nil {
		return dst, nil
	}
	return w.appendStream(dst, e.Time, o), nil
}

func (w *Writer) adds(field int, o *object) bool {
	return w.quoted[field] != nil && o.taken&(1<<field) == 0
}

// add appends the separator before an added field. The caller appends the field itself.
func (w *Writer) add(dst []byte, field int, o *object) []byte {
	if o.path == topPath {
		o.path = noPath // the next key is no longer the first
	}
	dst = w.separate(dst, o)
	m := w.push()
	m.at, m.size, m.left, m.tag, m.mark = int32(len(dst)), int32(len(w.quoted[field])), added, w.tags[field], kept
	return dst
}

// addKey is add with the field's key and the colon.
func (w *Writer) addKey(dst []byte, field int, o *object) []byte {
	return append(append(w.add(dst, field, o), w.quoted[field]...), ':')
}

// appendTime appends the time field: t in UTC, as Time_Key_Format and a fraction of three or nine
// digits.
func (w *Writer) appendTime(dst []byte, t chunk.Time) []byte {
	if t.Seconds != w.second || len(w.formatted) == 0 {
		w.formatTime(t.Seconds)
	}
	dst = append(dst, w.formatted...)
	if w.options.Precision == Nanoseconds {
		return append(appendFraction(dst, t.Nanos, 9), 'Z', '"')
	}
	n := t.Nanos / 1e6
	return append(dst, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10), 'Z', '"')
}

func (w *Writer) formatTime(second int64) {
	w.second = second
	w.date = w.options.TimeFormat.FormatBuffer(w.date[:0], time.Unix(second, 0).UTC())
	w.date = append(w.date, '.')
	w.formatted = append(append(w.formatted[:0], w.quoted[timeField]...), ':')
	// A format may hold quotes, and %n is a line end.
	w.formatted = jsontext.AppendString(w.formatted, w.date)
	w.formatted = w.formatted[:len(w.formatted)-1]
}

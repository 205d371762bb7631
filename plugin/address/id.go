package address

import (
	"encoding/base64"
	"encoding/binary"
	"sort"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// ID returns e's id as a JSON string, valid until the next call, or nil if Elasticsearch generates
// ids. values are e's at the paths of the templates; for GeneratedIDs, which need none, e.Record
// must be bounded.
//
// Possible errors: ErrIDTooLong, ErrNoID.
func (w *Writer) ID(e *chunk.Event, values chunk.Values) ([]byte, error) {
	switch w.options.IDs {
	case GeneratedIDs:
		w.id = w.ids.append(w.id[:0], e)
		return w.id, nil
	case RecordIDs:
		value := values[w.options.IDPath]
		if value == nil {
			return nil, ErrNoID
		}
		text, ok := chunk.AppendText(w.part[:0], value)
		w.part = text[:0]
		if !ok || len(text) == 0 {
			return nil, ErrNoID
		}
		if idBytes(text) > maxIDBytes {
			return nil, ErrIDTooLong
		}
		w.id = jsontext.AppendString(w.id[:0], text)
		return w.id, nil
	}
	return nil, nil
}

// idBytes is the length of an id by Elasticsearch's count. Each byte that is not UTF-8 arrives
// there as U+FFFD, which has three.
func idBytes(text []byte) (n int) {
	if utf8.Valid(text) {
		return len(text)
	}
	for _, r := range string(text) {
		n += utf8.RuneLen(r)
	}
	return n
}

// ids makes ids for the events of one chunk: a 128-bit hash (XXH3) of tag, event time, record,
// metadata and group, and the event's ordinal among equal events of the chunk. An event has the
// same id in every attempt and after every restart. The golden test pins the values, since a change
// would duplicate documents.
type ids struct {
	tag xxh3.Uint128
	// seen counts equal events by the first half of their hash; repeats holds the ordinals above 0,
	// by position, of the events before next.
	seen    map[uint64]uint32
	repeats []repeat
	next    int
}

// maxKeptHashes is the maximum size of seen that is kept for the next chunk: about 1 MB of map.
const maxKeptHashes = 32 << 10

type repeat struct {
	position int
	ordinal  uint32
}

func (s *ids) begin(tag string) {
	s.tag = xxh3.HashString128(tag)
	if len(s.seen) > maxKeptHashes {
		s.seen = nil
	}
	clear(s.seen)
	s.repeats, s.next = s.repeats[:0], 0
}

// append appends the id of e, 22 characters of URL-safe base64 in quotes. The events of a chunk
// must come in order; repeated ones may come again.
func (s *ids) append(dst []byte, e *chunk.Event) []byte {
	record := xxh3.Hash128(e.Record)
	if len(e.Group) > 0 || !chunk.IsEmpty(e.Metadata) {
		record = s.hashWithMetadata(record, e)
	}
	var input [48]byte
	binary.BigEndian.PutUint64(input[0:], s.tag.Hi)
	binary.BigEndian.PutUint64(input[8:], s.tag.Lo)
	binary.BigEndian.PutUint64(input[16:], record.Hi)
	binary.BigEndian.PutUint64(input[24:], record.Lo)
	binary.BigEndian.PutUint64(input[32:], uint64(e.Time.Seconds))
	binary.BigEndian.PutUint32(input[40:], e.Time.Nanos)
	hash := xxh3.Hash128(input[:])
	if ordinal := s.ordinal(e.Position, hash.Hi); ordinal > 0 {
		binary.BigEndian.PutUint32(input[44:], ordinal)
		hash = xxh3.Hash128(input[:])
	}
	id := hash.Bytes()
	dst = append(dst, '"')
	dst = base64.RawURLEncoding.AppendEncode(dst, id[:])
	return append(dst, '"')
}

// hashWithMetadata extends the hash of a record to all parts of its document: OTLP's events differ
// by their attributes and their resource as much as by their text.
func (s *ids) hashWithMetadata(record xxh3.Uint128, e *chunk.Event) xxh3.Uint128 {
	var input [48]byte
	for i, hash := range [...]xxh3.Uint128{record, xxh3.Hash128(e.Metadata), xxh3.Hash128(e.Group)} {
		binary.BigEndian.PutUint64(input[16*i:], hash.Hi)
		binary.BigEndian.PutUint64(input[16*i+8:], hash.Lo)
	}
	return xxh3.Hash128(input[:])
}

// ordinal is the number of equal events before this one in the chunk.
func (s *ids) ordinal(position int, hash uint64) uint32 {
	if position < s.next {
		i := sort.Search(len(s.repeats), func(i int) bool { return s.repeats[i].position >= position })
		if i < len(s.repeats) && s.repeats[i].position == position {
			return s.repeats[i].ordinal
		}
		return 0
	}
	s.next = position + 1
	if s.seen == nil {
		s.seen = map[uint64]uint32{}
	}
	ordinal := s.seen[hash]
	s.seen[hash] = ordinal + 1
	if ordinal > 0 {
		s.repeats = append(s.repeats, repeat{position, ordinal})
	}
	return ordinal
}

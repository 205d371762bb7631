package document

import (
	"encoding/hex"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
)

// metadataValues finds values that an address needs and the record lacks: in OTLP's fields of the
// event and in the fields that its group shares (docs/adr/0021).
type metadataValues struct {
	// group is the group header that shared was read from. It is borrowed; nil once its memory may
	// hold another chunk.
	group  []byte
	shared chunk.Values
	own    chunk.Values // of the event that was written last
	ids    []byte       // msgpack strings that own points to
}

func newMetadataValues(paths *chunk.Paths) metadataValues {
	return metadataValues{shared: make(chunk.Values, paths.Len()), own: make(chunk.Values, paths.Len())}
}

// addMetadataValues completes the values of the event's record, if the event has metadata or a
// group. There must be paths.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) addMetadataValues(e *chunk.Event) error {
	if w.values.Complete() {
		return nil
	}
	s := &w.fromMetadata
	if err := s.collectOTLP(w.root, e.Metadata); err != nil {
		return err
	}
	w.values.FillMissing(s.own)
	if len(e.Group) == 0 {
		return nil
	}
	if len(s.group) != len(e.Group) || &s.group[0] != &e.Group[0] {
		s.group = e.Group
		clear(s.shared)
		if _, err := w.root.Collect(e.Group, s.shared); err != nil {
			return err
		}
	}
	w.values.FillMissing(s.shared)
	return nil
}

// collectOTLP looks into the event's own fields. Of fields that come twice, the last one counts.
func (s *metadataValues) collectOTLP(root *chunk.Branch, metadata []byte) error {
	clear(s.own)
	n, b, err := mapHeader(metadata)
	if err != nil {
		return nil // there is none
	}
	for ; n > 0 && err == nil; n-- {
		if isOTLP(b) {
			b, err = s.collectFields(root, b[1+len(otlpKey):])
		} else {
			b, err = skipMember(b)
		}
	}
	return err
}

func (s *metadataValues) collectFields(root *chunk.Branch, b []byte) (rest []byte, err error) {
	clear(s.own)
	s.ids = s.ids[:0]
	n, b, err := mapHeader(b)
	for ; n > 0 && err == nil; n-- {
		head, end := textBounds(b)
		branch, name := root.Member(b), b[head:end]
		if b, err = chunk.Skip(b); err != nil {
			break
		}
		if branch != nil && isIdentifier(name) && msgp.NextType(b) == msgp.BinType {
			b, err = s.collectIdentifier(branch, b)
		} else {
			b, err = branch.Collect(b, s.own)
		}
	}
	return b, err
}

// collectIdentifier enters an id in hexadecimal, as in the document.
func (s *metadataValues) collectIdentifier(branch *chunk.Branch, b []byte) (rest []byte, err error) {
	id, rest, err := msgp.ReadBytesZC(b)
	if err != nil {
		return nil, chunk.ErrTruncated
	}
	at := len(s.ids)
	s.ids = append(s.ids, 0xdb, 0, 0, byte(len(id)>>7), byte(len(id)<<1)) // str 32, of less than 64 KB
	if len(id) < 1<<15 {
		s.ids = hex.AppendEncode(s.ids, id)
		branch.Set(s.own, s.ids[at:])
	}
	return rest, nil
}

func isIdentifier(name []byte) bool { return string(name) == "trace_id" || string(name) == "span_id" }

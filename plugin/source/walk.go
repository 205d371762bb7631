package source

import (
	"errors"
	"io"

	"out_es/plugin/chunk"
)

// Item is one event of a chunk as it would be sent.
type Item struct {
	Event *chunk.Event
	// Index is the destination, Lines the action and, where the operation has
	// one, the document under it. Both are valid until the next item.
	Index string
	Lines []byte
	// Document is the document alone, without a line end.
	Document []byte
	// Err is the reason why the event would not be sent: address.ErrIDTooLong,
	// address.ErrNoID, chunk.ErrNotAnEvent or chunk.ErrTruncated.
	Err error
}

// Walk encodes the events of the chunk that are not settled, in their order, and
// sends nothing. It is for tools: it makes each document twice.
//
// Possible errors: those of each.
func (s *Source) Walk(each func(*Item) error) error {
	s.Rewind()
	s.reader.Seek(s.from)
	var item Item
	for {
		err := s.reader.Next(&s.event)
		e := &s.event
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			item = Item{Event: e, Err: err}
		case e.Kind != chunk.Log:
			continue
		case s.settled.Has(e.Position):
			if err := s.skipSettled(e); err != nil {
				return err
			}
			continue
		default:
			item = s.item(item.Lines[:0], item.Document[:0])
		}
		if err := each(&item); err != nil {
			return err
		}
		if errors.Is(item.Err, chunk.ErrTruncated) {
			return nil
		}
	}
}

// item encodes the current event.
func (s *Source) item(lines, document []byte) Item {
	e := &s.event
	lines, err := s.encode(lines)
	item := Item{Event: e, Lines: lines, Err: err, Index: s.indices.of(e.Position)}
	if errors.Is(err, chunk.ErrTruncated) {
		return item
	}
	if item.Document, _, err = s.scratch.documents.Append(document, e); item.Err == nil {
		item.Err = err
	}
	s.scratch.documents.Truncated()
	s.scratch.documents.Changed()
	if err := s.reader.Bound(e); item.Err == nil {
		item.Err = err
	}
	return item
}

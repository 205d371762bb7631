package source

import (
	"bytes"
	"errors"
	"io"

	"out_es/plugin/chunk"
)

// Count returns how many records a chunk holds, and how many values that are no
// events or can't be read.
func Count(data []byte) (records, malformed int) {
	reader := chunk.NewReader(data)
	var e chunk.Event
	for {
		err := reader.Next(&e)
		if err == nil {
			err = reader.Bound(&e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return records, malformed
		case errors.Is(err, chunk.ErrTruncated):
			return records, malformed + 1
		case err != nil:
			malformed++
		case e.Kind == chunk.Log:
			records++
		}
	}
}

// Destined reports whether all records of a chunk go to destinations for which among is true, and
// returns one of these. It encodes the records if their index depends on their content, and stops
// at the first that goes elsewhere. It uses the scratch.
func (s *Shared) Destined(scratch *Scratch, tag string, data []byte, among func(destination []byte) bool) (destination string, only bool) {
	scratch.begin(tag)
	reader := chunk.NewReader(data)
	var e chunk.Event
	for {
		switch err := reader.Next(&e); {
		case errors.Is(err, io.EOF), errors.Is(err, chunk.ErrTruncated):
			return destination, destination != ""
		case err != nil || e.Kind != chunk.Log:
			continue
		}
		var index []byte
		if scratch.addresses.NeedsRecord() {
			document, rest, err := scratch.documents.Append(scratch.records.document[:0], &e)
			scratch.records.document = document
			scratch.documents.Truncated() // counted when it is sent
			scratch.documents.Changed()
			if err != nil {
				continue
			}
			reader.Done(rest)
			e.Record = e.Record[:len(e.Record)-len(rest)]
			index = scratch.addresses.Index(&e, scratch.documents.Values())
		} else {
			index = scratch.addresses.Index(&e, nil)
		}
		if index = bytes.Trim(index, `"`); !among(index) {
			return "", false
		}
		if destination == "" {
			destination = string(index)
		}
	}
}

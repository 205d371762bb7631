// Package bulk implements Elasticsearch's bulk API: it writes requests (newline-delimited JSON, an
// action line and a document for each item), reads the answers as a stream, and judges their
// statuses.
//
// Source of its rules: Elasticsearch's reference, "Bulk API". The verdicts are listed in
// docs/architecture.md.
package bulk

import "slices"

// Action is one action line. Index, ID, Pipeline and Routing are JSON strings, quotes included and
// escaped by the caller, so that a record's value can't forge a line. Empty ones except Index are
// left out: an empty string would fail the whole request.
type Action struct {
	Operation Operation
	Index     []byte
	ID        []byte
	// Pipeline is the ingest pipeline, in place of the index's default.
	Pipeline []byte
	Routing  []byte
}

// NoPipeline is the Action.Pipeline that keeps the index's default pipeline
// away.
const NoPipeline = `"_none"`

// Sent is the part of an action that the verdict on its item depends on.
type Sent struct {
	Operation Operation
	// OwnPipeline is set if the action named a pipeline made for this event, so that a missing
	// pipeline is the event's fault.
	OwnPipeline bool
}

// AppendAction appends a's line with its line end.
func AppendAction(dst []byte, a Action) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, actionNames[a.Operation]...)
	dst = append(dst, `":{"_index":`...)
	dst = append(dst, a.Index...)
	dst = appendField(dst, `,"_id":`, a.ID)
	dst = appendField(dst, `,"routing":`, a.Routing)
	dst = appendField(dst, `,"pipeline":`, a.Pipeline)
	if a.Operation == Update || a.Operation == Upsert {
		dst = append(dst, retryOnConflict...)
	}
	return append(dst, "}}\n"...)
}

// retryOnConflict makes Elasticsearch read and merge a document again that another request changed
// in between. A remaining conflict is answered with 409 and goes through our own loop.
const retryOnConflict = `,"retry_on_conflict":3`

func appendField(dst []byte, name string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return append(append(dst, name...), value...)
}

// AppendRoom appends size bytes of any content, for an action line that is not
// known yet.
func AppendRoom(dst []byte, size int) []byte {
	return slices.Grow(dst, size)[:len(dst)+size]
}

// PutAction puts action into the room of that size at start, which is followed
// by a document. The document is moved where the action has another length;
// those of one chunk mostly have the same.
func PutAction(lines []byte, start, room int, action []byte) []byte {
	end := len(lines)
	if more := len(action) - room; more != 0 {
		lines = AppendRoom(lines, max(more, 0))
		copy(lines[start+len(action):], lines[start+room:end])
		lines = lines[:end+more]
	}
	copy(lines[start:], action)
	return lines
}

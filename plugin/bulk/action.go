// Package bulk speaks Elasticsearch's bulk API: it writes requests
// (newline-delimited JSON, an action line and a document for each item), reads
// the answers as a stream, and says what each status means.
//
// Source of its rules: Elasticsearch's reference, "Bulk API", and DESIGN.md's
// table of verdicts.
package bulk

import (
	"fmt"
	"slices"
)

// Operation is what an action asks Elasticsearch to do with a document.
type Operation uint8

// The operations, by their names in the bulk API.
const (
	Create Operation = iota
	Index
)

var operationNames = [...]string{Create: "create", Index: "index"}

func (o Operation) String() string { return operationNames[o] }

// ParseOperation reads an operation's name.
func ParseOperation(name string) (Operation, error) {
	for o, n := range operationNames {
		if n == name {
			return Operation(o), nil
		}
	}
	return 0, fmt.Errorf("bulk: %q is no operation", name)
}

// Action is one action line. Index and ID are JSON strings, quotes included;
// whoever makes them has escaped what they hold, so that a record's value
// can't forge a line. ID is empty where Elasticsearch shall make one.
type Action struct {
	Operation Operation
	Index     []byte
	ID        []byte
	Pipeline  Pipeline
}

// Pipeline says which ingest pipelines a document goes through.
type Pipeline uint8

// DefaultPipeline leaves it to the index; NoPipeline keeps the index's own
// default pipeline away.
const (
	DefaultPipeline Pipeline = iota
	NoPipeline
)

// Sent is what the verdict on an item needs to know of its action.
type Sent struct {
	Operation Operation
	// OwnID says that the action named the document's id.
	OwnID bool
}

// AppendAction appends a's line with its line end.
func AppendAction(dst []byte, a Action) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, operationNames[a.Operation]...)
	dst = append(dst, `":{"_index":`...)
	dst = append(dst, a.Index...)
	if len(a.ID) > 0 {
		dst = append(dst, `,"_id":`...)
		dst = append(dst, a.ID...)
	}
	if a.Pipeline == NoPipeline {
		dst = append(dst, `,"pipeline":"_none"`...)
	}
	return append(dst, "}}\n"...)
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

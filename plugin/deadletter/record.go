// Package deadletter stores records that Elasticsearch rejected: each as one JSON object with the
// document, its destination, and Elasticsearch's reason.
package deadletter

import (
	"strconv"
	"time"

	"out_es/plugin/jsontext"
)

// Record is one rejected record.
type Record struct {
	// Index is where the document was to go.
	Index string
	// ID is the id that it was to have, as a JSON string with its quotes;
	// empty where Elasticsearch was to make one.
	ID []byte
	// Routing and Pipeline are those of the action, as JSON strings with their
	// quotes; empty for none.
	Routing, Pipeline []byte
	Tag               string
	EventTime         time.Time
	Status            int
	// Type and Reason are Elasticsearch's own words, in full: they may quote
	// the record.
	Type, Reason string
	RejectedAt   time.Time
	// Document is the document as it was sent: one line of JSON. It becomes a
	// string, so that no mapping can reject it again.
	Document []byte
}

// AppendRecord appends r as one line of JSON, without a line end.
func AppendRecord(dst []byte, r Record) []byte {
	dst = append(dst, `{"@timestamp":`...)
	dst = appendTime(dst, r.RejectedAt)
	dst = append(dst, `,"index":`...)
	dst = jsontext.AppendString(dst, []byte(r.Index))
	if len(r.ID) > 0 {
		dst = append(dst, `,"id":`...)
		dst = append(dst, r.ID...)
	}
	if len(r.Routing) > 0 {
		dst = append(append(dst, `,"routing":`...), r.Routing...)
	}
	if len(r.Pipeline) > 0 {
		dst = append(append(dst, `,"pipeline":`...), r.Pipeline...)
	}
	dst = append(dst, `,"tag":`...)
	dst = jsontext.AppendString(dst, []byte(r.Tag))
	dst = append(dst, `,"event_time":`...)
	dst = appendTime(dst, r.EventTime)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, `,"type":`...)
	dst = jsontext.AppendString(dst, []byte(r.Type))
	dst = append(dst, `,"reason":`...)
	dst = jsontext.AppendString(dst, []byte(r.Reason))
	dst = append(dst, `,"document":`...)
	dst = jsontext.AppendString(dst, r.Document)
	return append(dst, '}')
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

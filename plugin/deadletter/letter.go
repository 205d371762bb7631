// Package deadletter stores records that Elasticsearch rejected: each as one JSON object with the
// document, its destination, and Elasticsearch's reason.
package deadletter

import (
	"strconv"
	"time"

	"out_es/plugin/jsontext"
)

// Letter is one refused record.
type Letter struct {
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
	RefusedAt    time.Time
	// Document is the document as it was sent: one line of JSON. It becomes a
	// string, so that no mapping can refuse it again.
	Document []byte
}

// AppendLetter appends l as one line of JSON, without a line end.
func AppendLetter(dst []byte, l Letter) []byte {
	dst = append(dst, `{"@timestamp":`...)
	dst = appendTime(dst, l.RefusedAt)
	dst = append(dst, `,"index":`...)
	dst = jsontext.AppendString(dst, []byte(l.Index))
	if len(l.ID) > 0 {
		dst = append(dst, `,"id":`...)
		dst = append(dst, l.ID...)
	}
	if len(l.Routing) > 0 {
		dst = append(append(dst, `,"routing":`...), l.Routing...)
	}
	if len(l.Pipeline) > 0 {
		dst = append(append(dst, `,"pipeline":`...), l.Pipeline...)
	}
	dst = append(dst, `,"tag":`...)
	dst = jsontext.AppendString(dst, []byte(l.Tag))
	dst = append(dst, `,"event_time":`...)
	dst = appendTime(dst, l.EventTime)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(l.Status), 10)
	dst = append(dst, `,"type":`...)
	dst = jsontext.AppendString(dst, []byte(l.Type))
	dst = append(dst, `,"reason":`...)
	dst = jsontext.AppendString(dst, []byte(l.Reason))
	dst = append(dst, `,"document":`...)
	dst = jsontext.AppendString(dst, l.Document)
	return append(dst, '}')
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

package address

import (
	"out_es/plugin/chunk"
	"out_es/plugin/jsontext"
)

// actionField is an arbitrary text of the action line: the pipeline, the routing.
type actionField struct {
	template   *Template // nil for none
	fromRecord bool
	// quoted is the last text, for the second if known and if not from the record.
	quoted []byte
	second int64
	known  bool
}

func newActionField(t *Template) actionField {
	if t == nil {
		return actionField{}
	}
	return actionField{template: t, fromRecord: len(t.appendFields(nil)) > 0}
}

// Pipeline returns e's ingest pipeline as a JSON string, valid until the next call, or nil for none
// and for an empty text.
func (w *Writer) Pipeline(e *chunk.Event, values chunk.Values) []byte {
	return w.actionField(&w.pipeline, e, values)
}

// Routing is like Pipeline, for the value that chooses the shard.
func (w *Writer) Routing(e *chunk.Event, values chunk.Values) []byte {
	return w.actionField(&w.routing, e, values)
}

func (w *Writer) actionField(v *actionField, e *chunk.Event, values chunk.Values) []byte {
	if v.template == nil || v.known && !v.fromRecord && v.second == e.Time.Seconds {
		return v.quoted
	}
	text, ok := v.template.Append(w.part[:0], w.tag, w.clock(e.Time), values)
	w.part = text[:0]
	v.quoted, v.second, v.known = v.quoted[:0], e.Time.Seconds, true
	if ok && len(text) > 0 {
		v.quoted = jsontext.AppendString(v.quoted, text)
	}
	return v.quoted
}

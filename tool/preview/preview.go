// Package preview shows the requests that the plugin would make of records, and why they are as
// they are.
package preview

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/plugin/source"
	"out_es/tool/encoder"
)

// Previewer encodes chunks as an instance does.
type Previewer struct {
	options source.Options
	source  *source.Source
	// values reads the fields that the address is made of.
	values *document.Writer
	// Note is called for each change on the way from the record to the document, Problem of
	// records that would not be sent.
	Note, Problem func(where, text string)
}

// New returns a previewer of an instance with these options.
func New(o *source.Options) *Previewer {
	return &Previewer{options: *o, source: encoder.NewSource(o), values: document.NewWriter(o.Document)}
}

// Preview is one record as it would be sent. It is valid until the next one.
type Preview struct {
	Where string
	// Index is the destination, Lines the action line and the document.
	Index string
	Lines []byte
	// Document is the document alone.
	Document []byte
}

// Chunk calls each with every record of a chunk that would be sent.
//
// Possible errors: those of each.
func (p *Previewer) Chunk(c *Chunk, each func(*Preview) error) error {
	encoder.Open(p.source, c.Tag, c.Data)
	p.values.Begin(c.Tag)
	return p.source.Walk(func(item *source.Item) error {
		where := c.where(item.Event.Position)
		switch {
		case errors.Is(item.Err, chunk.ErrTruncated):
			p.Problem(where, "the chunk ends here: it is cut off or corrupt")
			return nil
		case errors.Is(item.Err, chunk.ErrNotAnEvent):
			p.Problem(where, "it is no event of Fluent Bit: counted as malformed")
			return nil
		case errors.Is(item.Err, address.ErrNoID), errors.Is(item.Err, address.ErrIDTooLong):
			p.Problem(where, fmt.Sprintf("it would not be sent (On_Rejection, or a dead-letter record): %v", item.Err))
			return nil
		case item.Err != nil:
			p.Problem(where, item.Err.Error())
			return nil
		}
		p.explain(where, c.Tag, item)
		return each(&Preview{where, item.Index, item.Lines, item.Document})
	})
}

// explain tells of all that was changed.
func (p *Previewer) explain(where, tag string, item *source.Item) {
	tell := func(text string) { p.Note(where, text) }
	document, err := parse(item.Document)
	if err != nil {
		tell(fmt.Sprintf("the document is no JSON, please report it: %v", err))
		return
	}
	x := &explainer{dots: p.options.Document.Dots, tell: tell}
	x.object("", item.Event.Record, document, true)
	if fields, _, ok := fieldsOf(item.Event.Record); ok {
		for _, f := range fields {
			if added := p.options.Document.TimeKey; f.text && f.key == added {
				tell(fmt.Sprintf("the record has a field %s itself: the event's time is not added", added))
			}
		}
	}
	p.index(tag, item, tell)
}

// index tells how the index differs from the text of the options.
func (p *Previewer) index(tag string, item *source.Item, tell func(string)) {
	if _, _, err := p.values.Append(nil, item.Event); err != nil {
		return
	}
	values, o := p.values.Values(), p.options.Address
	at := time.Unix(item.Event.Time.Seconds, int64(item.Event.Time.Nanos)).UTC()
	if o.Clock == address.SendTime {
		at = time.Now().UTC()
	}
	var parts []string
	for _, part := range o.Name {
		text, ok := part.Template.Append(nil, tag, at, values)
		if !ok {
			fallback, _ := part.Default.Append(nil, tag, at, values)
			tell(fmt.Sprintf("index: the record lacks a field that its name is made of, so the default %q is used", fallback))
			text = fallback
		}
		parts = append(parts, string(text))
	}
	if raw := strings.Join(parts, "-"); raw != item.Index {
		tell(fmt.Sprintf("index: %q became %q, since Elasticsearch does not take every name", raw, item.Index))
	}
}

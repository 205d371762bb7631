package replay

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/jsontext"
)

// state is the end of a record.
type state uint8

const (
	waiting state = iota
	accepted
	deduplicated
	rejected
	held
	unselected
	malformed
)

// deadLetter is a dead-letter record as it is read.
type deadLetter struct {
	RejectedAt time.Time       `json:"@timestamp"`
	Index      string          `json:"index"`
	ID         json.RawMessage `json:"id"`
	Routing    json.RawMessage `json:"routing"`
	Pipeline   json.RawMessage `json:"pipeline"`
	Tag        string          `json:"tag"`
	EventTime  time.Time       `json:"event_time"`
	Status     int             `json:"status"`
	Type       string          `json:"type"`
	Reason     string          `json:"reason"`
	Document   string          `json:"document"`
}

// line is one record of a batch.
type line struct {
	text    []byte // without its end
	where   string // file and line
	record  deadLetter
	id      []byte // of the action: the record's own, or one that was made of its text
	index   []byte // quoted
	state   state
	why     deliver.Rejection
	problem string
}

// batch is some records in a row: a deliver.Source.
type batch struct {
	options *Options
	lines   []line
	text    []byte

	from, to          int
	turnedAway        bool
	settled, unsettle int
}

func newBatch(o *Options) *batch { return &batch{options: o} }

// fill reads lines until the batch has so many bytes. ended says that there are no more.
func (b *batch) fill(ctx context.Context, in Input, limit int) (ended bool, err error) {
	var ends []int
	for len(b.text) < limit {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		before := len(b.text)
		text, where, err := in.Next(b.text)
		b.text = text
		if errors.Is(err, io.EOF) {
			ended = true
			break
		}
		if err != nil {
			return false, err
		}
		if len(bytes.TrimSpace(b.text[before:])) == 0 {
			b.text = b.text[:before]
			continue
		}
		b.lines, ends = append(b.lines, line{where: where}), append(ends, len(b.text))
	}
	start := 0
	for i, end := range ends {
		b.lines[i].text = b.text[start:end:end]
		start = end
	}
	return ended, nil
}

// parse reads the records.
func (b *batch) parse() {
	for i := range b.lines {
		l := &b.lines[i]
		if err := l.parse(b.options); err != nil {
			l.state, l.problem = malformed, fmt.Sprintf("%s: %v", l.where, err)
			continue
		}
		if !b.options.Select.wants(&l.record) {
			l.state = unselected
			continue
		}
		b.unsettle++
	}
}

func (l *line) parse(o *Options) error {
	if err := json.Unmarshal(l.text, &l.record); err != nil {
		return fmt.Errorf("it is no dead-letter record: %w", err)
	}
	switch d := l.record.Document; {
	case l.record.Index == "":
		return errors.New("it is no dead-letter record: it has no index")
	case len(d) < 2 || d[0] != '{' || d[len(d)-1] != '}' || strings.Contains(d, "\n"):
		return errors.New("it is no dead-letter record: its document is not a JSON object on one line")
	}
	for name, text := range map[string]json.RawMessage{"id": l.record.ID, "routing": l.record.Routing, "pipeline": l.record.Pipeline} {
		if len(text) > 0 && (text[0] != '"' || string(text) == `""`) {
			return fmt.Errorf("it is no dead-letter record: its %s is not a text", name)
		}
	}
	l.index = jsontext.AppendString(nil, []byte(l.record.Index))
	if l.id = l.record.ID; len(l.id) == 0 && o.MadeIDs {
		hash := deliver.DigestOf("", l.text).Event(0)
		l.id = fmt.Appendf(nil, "%q", base64.RawURLEncoding.EncodeToString(hash[:]))
	}
	return nil
}

// left is how many records have no end yet.
func (b *batch) left() int { return b.unsettle - b.settled }

// giveUp leaves the records that are not settled for the new file.
func (b *batch) giveUp(d *deliver.Deliverer, err error) {
	for i := range b.lines {
		l := &b.lines[i]
		if l.state != waiting {
			continue
		}
		l.state = held
		if hold, ok := d.HeldFor(l.record.Index); ok {
			l.why = hold.Why
		} else {
			l.why = deliver.Rejection{Error: "not_delivered", FullReason: err.Error()}
		}
	}
}

// Fill implements deliver.Source.
func (b *batch) Fill(req *bulk.Request, limits deliver.Limits) error {
	b.turnedAway = false
	for b.to = b.from; b.to < len(b.lines); b.to++ {
		l := &b.lines[b.to]
		if l.state != waiting {
			continue
		}
		if limits.Items > 0 && len(req.Positions()) >= limits.Items {
			return nil
		}
		if limits.Admission != nil && !limits.Admission.Admits([]byte(l.record.Index)) {
			b.turnedAway = true
			continue
		}
		grown := b.append(req.Buffer(), l)
		size := req.Size() + req.Added(grown)
		if full := limits.Bytes > 0 && size > limits.Bytes || limits.Portion > 0 && size > limits.Portion; full && len(req.Positions()) > 0 {
			req.Keep(grown)
			return nil
		}
		if err := req.Commit(grown, b.to); err != nil {
			return err
		}
	}
	return nil
}

// append appends the lines of a record.
func (b *batch) append(dst []byte, l *line) []byte {
	pipeline := []byte(l.record.Pipeline)
	if len(pipeline) == 0 {
		pipeline = b.options.Pipeline
	}
	operation := b.options.Operation
	dst = bulk.AppendAction(dst, bulk.Action{Operation: operation, Index: l.index, ID: l.id, Routing: l.record.Routing, Pipeline: pipeline})
	if !operation.HasBody() {
		return dst
	}
	before, behind := operation.Body()
	dst = append(append(append(dst, before...), l.record.Document...), behind...)
	return append(dst, '\n')
}

// Advance implements deliver.Source.
func (b *batch) Advance() { b.from = b.to }

// Remaining implements deliver.Source: a batch is about one request, and several batches are under
// way at a time.
func (b *batch) Remaining() int { return 0 }

// Ahead implements deliver.Source. It is not called, since Rest is 0; nor is Resume.
func (b *batch) Ahead() {}

// Resume implements deliver.Source.
func (b *batch) Resume(int) {}

// WasHeld implements deliver.Source: an operator asked for these records now.
func (b *batch) WasHeld() bool { return false }

// Skip implements deliver.Source.
func (b *batch) Skip() { b.from = b.to }

// Rewind implements deliver.Source.
func (b *batch) Rewind() { b.from = 0 }

// Destination implements deliver.Source.
func (b *batch) Destination(position int) []byte { return []byte(b.lines[position].record.Index) }

// Identity implements deliver.Source: a line's place is its name.
func (b *batch) Identity(position int) (name [16]byte) {
	hash := deliver.DigestOf(b.lines[0].where, nil).Event(position)
	binary.BigEndian.PutUint32(hash[12:], uint32(position))
	return hash
}

// Checkpoint implements deliver.Source: the place is written down when the whole batch has an end.
func (b *batch) Checkpoint() {}

// Sent implements deliver.Source.
func (b *batch) Sent(position int) bulk.Sent {
	return bulk.Sent{Operation: b.options.Operation, OwnPipeline: len(b.lines[position].record.Pipeline) > 0}
}

// Settle implements deliver.Source.
func (b *batch) Settle(position int, v bulk.Verdict) {
	b.settled++
	b.lines[position].state = accepted
	if v == bulk.Deduplicated {
		b.lines[position].state = deduplicated
	}
}

// Reject implements deliver.Source.
func (b *batch) Reject(position int, why deliver.Rejection) deliver.Disposition {
	b.settled++
	b.lines[position].state, b.lines[position].why = rejected, why
	return deliver.Done
}

// appendLeft appends a record that is not delivered, with the newest reason.
func (l *line) appendLeft(dst []byte) []byte {
	switch l.state {
	case accepted, deduplicated, waiting:
		return dst
	case unselected, malformed:
		dst = append(dst, l.text...)
	case rejected, held:
		dst = deadletter.AppendRecord(dst, deadletter.Record{
			Index: l.record.Index, ID: l.record.ID, Routing: l.record.Routing, Pipeline: l.record.Pipeline, Tag: l.record.Tag, EventTime: l.record.EventTime,
			Status: l.why.Status, Type: l.why.Error, Reason: l.why.FullReason, RejectedAt: time.Now(), Document: []byte(l.record.Document),
		})
	}
	return append(dst, '\n')
}

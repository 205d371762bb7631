package plugin

import (
	"bytes"
	"errors"
	"io"
	"runtime/debug"
	"sort"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/config"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
)

// sourcePolicy is what the options say about single records.
type sourcePolicy struct {
	keepRefused bool // On_Refusal retry
	traceError  bool
	traceOutput bool
}

func newSourcePolicy(c *config.Config) sourcePolicy {
	return sourcePolicy{keepRefused: c.OnRefusal == "retry", traceError: c.TraceError, traceOutput: c.TraceOutput}
}

// bench is the memory that one flush works with, and leaves to the next.
type bench struct {
	request   *bulk.Request
	documents *document.Writer
	addresses *address.Writer
	settled   deliver.Settled
	// owned marks the events whose action named an id.
	owned deliver.Settled
	names names
}

func newBench(s *setup) *bench {
	return &bench{
		request:   bulk.NewRequest(s.compression),
		documents: document.NewWriter(s.document),
		addresses: address.NewWriter(s.address),
	}
}

// open starts on a chunk, which is borrowed.
func (b *bench) open(p *Plugin, tag string, data []byte) *source {
	b.documents.Begin(tag)
	b.addresses.Begin(tag, time.Now())
	b.settled.Reset()
	b.owned.Reset()
	b.names.reset()
	return &source{bench: b, plugin: p, tag: tag, reader: chunk.NewReader(data)}
}

// source is one chunk on its way: deliver.Source for it.
type source struct {
	*bench
	plugin *Plugin
	tag    string
	reader chunk.Reader
	event  chunk.Event
	// from and to are where the last Fill began and ended.
	from, to chunk.Place
	// fresh is the first position that no Fill has come to yet.
	fresh   int
	account Account
}

var errPanic = errors.New("plugin: the encoder failed")

// Fill implements deliver.Source. A chunk that is cut off ends where it can't
// be read on.
func (s *source) Fill(req *bulk.Request, limits deliver.Limits) error {
	s.reader.Seek(s.from)
	for limits.Items == 0 || len(req.Positions()) < limits.Items {
		place, err := s.reader.Place()
		if err == nil {
			s.to = place
			err = s.reader.Next(&s.event)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, chunk.ErrTruncated):
			s.malformed(s.event.Position, "it is cut off or corrupt; what follows in its chunk can't be read")
			return nil
		case err != nil:
			s.malformed(s.event.Position, "it is no event")
			continue
		}
		full, err := s.add(req, limits.Bytes)
		if full || err != nil {
			return err
		}
	}
	place, err := s.reader.Place()
	if err == nil {
		s.to = place
	}
	return nil
}

// add puts the current event into req, unless it is settled, or no record, or
// makes the request too large.
func (s *source) add(req *bulk.Request, limit int) (full bool, err error) {
	e := &s.event
	if s.settled.Has(e.Position) || e.Kind != chunk.Log {
		return false, s.pass(e)
	}
	if e.Position >= s.fresh {
		s.fresh = e.Position + 1
		s.account.Received++
	}
	before := req.Buffer()
	grown, err := s.encode(before)
	switch {
	case errors.Is(err, chunk.ErrTruncated):
		req.Keep(grown)
		s.malformed(e.Position, "it is cut off or corrupt; what follows in its chunk can't be read")
		return true, nil
	case errors.Is(err, address.ErrIDTooLong):
		s.Refuse(e.Position, deliver.Refusal{Type: bulk.IllegalAction, Error: "id_too_long", Reason: "the id is longer than 512 bytes"})
		return false, nil
	case err != nil:
		s.malformed(e.Position, "the encoder failed on it")
		return false, nil
	}
	if limit > 0 && len(req.Positions()) > 0 && req.Size()+req.Added(grown) > limit {
		req.Keep(grown)
		return true, nil
	}
	s.plugin.traceOutput(grown[len(before):])
	return false, req.Commit(grown, e.Position)
}

// pass goes over an event that is not sent. Generated ids must see it all the
// same, since they count its equals.
func (s *source) pass(e *chunk.Event) error {
	if !s.addresses.CountsEvents() || e.Kind != chunk.Log {
		return nil
	}
	if err := s.reader.Bound(e); err != nil {
		return nil // the next step meets the same end
	}
	_, err := s.addresses.ID(e)
	return err
}

// encode appends the event's action and document. A panic, which only a fault
// of this plugin can cause, costs this record and no other.
func (s *source) encode(dst []byte) (out []byte, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			s.plugin.report.encoderFault(problem, debug.Stack())
			out, err = dst, errPanic
		}
	}()
	e := &s.event
	bounded := s.addresses.NeedsRecord()
	if bounded {
		if err := s.reader.Bound(e); err != nil {
			return dst, err
		}
	}
	id, err := s.addresses.ID(e)
	if err != nil {
		return dst, err
	}
	index := s.addresses.Index(e)
	out = bulk.AppendAction(dst, bulk.Action{Operation: s.plugin.setup.operation, Index: index, ID: id})
	out, rest, err := s.documents.Append(out, e)
	if err != nil {
		return out, err
	}
	if !bounded {
		s.reader.Done(rest)
	}
	s.names.add(e.Position, index)
	if len(id) > 0 {
		s.owned.Set(e.Position)
	}
	s.account.Cut += s.documents.Cut()
	return append(out, '\n'), nil
}

// malformed settles a value that can't become a document, once.
func (s *source) malformed(position int, why string) {
	if s.settled.Has(position) {
		return
	}
	if position >= s.fresh {
		s.fresh = position + 1
		s.account.Received++
	}
	s.settled.Set(position)
	s.account.Malformed++
	s.plugin.report.malformed(s.tag, why)
}

// Advance implements deliver.Source.
func (s *source) Advance() { s.from = s.to }

// Sent implements deliver.Source.
func (s *source) Sent(position int) bulk.Sent {
	return bulk.Sent{Operation: s.plugin.setup.operation, OwnID: s.owned.Has(position)}
}

// Settle implements deliver.Source.
func (s *source) Settle(position int, v bulk.Verdict) {
	s.settled.Set(position)
	if v == bulk.AlreadyThere {
		s.account.AlreadyThere++
	} else {
		s.account.Accepted++
	}
}

// Refuse implements deliver.Source: On_Refusal decides.
func (s *source) Refuse(position int, why deliver.Refusal) (settled bool) {
	s.plugin.report.refused(s.names.of(position), why)
	if s.plugin.policy.keepRefused {
		return false
	}
	s.settled.Set(position)
	s.account.Dropped++
	s.account.Refused[why.Type]++
	return true
}

// countReturned walks what was not delivered, so that the account holds every
// record of the chunk.
func (s *source) countReturned() {
	s.reader.Seek(s.from)
	for {
		err := s.reader.Next(&s.event)
		position := s.event.Position
		if err != nil && !errors.Is(err, chunk.ErrNotAnEvent) {
			if errors.Is(err, chunk.ErrTruncated) {
				s.malformed(position, "it is cut off or corrupt; what follows in its chunk can't be read")
			}
			return
		}
		if s.settled.Has(position) || err == nil && s.event.Kind != chunk.Log {
			continue
		}
		if position >= s.fresh {
			s.fresh = position + 1
			s.account.Received++
		}
		s.account.Returned++
	}
}

// outcome is what Fluent Bit is told once nothing is left: a chunk that held
// nothing but garbage is an error.
func (s *source) outcome() Outcome {
	if s.account.Malformed > 0 && s.account.Malformed == s.account.Received {
		return Error
	}
	return OK
}

// names remembers which index each event went to, as runs of equal names.
type names struct {
	runs []run
	text []byte
}

type run struct{ position, start, end int32 }

func (n *names) reset() { n.runs, n.text = n.runs[:0], n.text[:0] }

// add notes the quoted name of the event at position. Positions come in order,
// and may come again.
func (n *names) add(position int, quoted []byte) {
	if last := len(n.runs) - 1; last >= 0 {
		r := n.runs[last]
		if position < int(r.position) || bytes.Equal(n.text[r.start:r.end], quoted) {
			return
		}
	}
	start := int32(len(n.text))
	n.text = append(n.text, quoted...)
	n.runs = append(n.runs, run{int32(position), start, int32(len(n.text))})
}

// of is the name for the event at position, without quotes.
func (n *names) of(position int) string {
	i := sort.Search(len(n.runs), func(i int) bool { return int(n.runs[i].position) > position })
	if i == 0 {
		return ""
	}
	r := n.runs[i-1]
	return string(bytes.Trim(n.text[r.start:r.end], `"`))
}

package plugin

import (
	"errors"
	"io"
	"runtime/debug"
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
	// action is the last action line, room how long it was.
	action []byte
	room   int
	letters
	// letterNames makes the names of the dead-letter index.
	letterNames *address.Writer
}

func newBench(s *setup) *bench {
	b := &bench{
		request:     bulk.NewRequest(s.compression),
		documents:   document.NewWriter(s.document),
		addresses:   address.NewWriter(s.address),
		letterNames: address.NewWriter(s.letters.Names),
	}
	if s.dataStreams {
		b.documents.NameStreams(b.addresses)
	}
	return b
}

// open starts on a chunk, which is borrowed.
func (b *bench) open(p *Plugin, tag string, data []byte, digest func() deliver.Digest) *source {
	b.begin(tag)
	b.letters.reset()
	b.settled.Reset()
	b.owned.Reset()
	b.names.reset()
	return &source{bench: b, plugin: p, tag: tag, reader: chunk.NewReader(data), digest: digest}
}

// begin tells the writers that another chunk follows.
func (b *bench) begin(tag string) {
	now := time.Now()
	b.documents.Begin(tag)
	b.addresses.Begin(tag, now)
	b.letterNames.Begin(tag, now)
}

// source is one chunk on its way: deliver.Source for it.
type source struct {
	*bench
	plugin *Plugin
	tag    string
	reader chunk.Reader
	digest func() deliver.Digest // names the chunk
	event  chunk.Event
	// from and to are where the last Fill began and ended.
	from, to chunk.Place
	// fresh is the first position that no Fill has come to yet.
	fresh int
	// ended says that the last Fill came to the chunk's end.
	ended   bool
	account Account
	// kept says that records are left which On_Refusal keeps.
	kept bool
}

var errPanic = errors.New("plugin: the encoder failed")

// Fill implements deliver.Source. Letters for the dead-letter file don't leave
// by the request, so they are written here.
func (s *source) Fill(req *bulk.Request, limits deliver.Limits) error {
	if err := s.fill(req, limits); err != nil {
		return err
	}
	return s.syncLetters()
}

// fill appends events until the request is full. A chunk that is cut off ends
// where it can't be read on.
func (s *source) fill(req *bulk.Request, limits deliver.Limits) error {
	s.reader.Seek(s.from)
	s.ended = false
	for limits.Items == 0 || len(req.Positions()) < limits.Items {
		place, err := s.reader.Place()
		if err == nil {
			s.to = place
			err = s.reader.Next(&s.event)
		}
		switch {
		case errors.Is(err, io.EOF):
			s.ended = true
			return nil
		case errors.Is(err, chunk.ErrTruncated):
			s.ended = true
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
	first := s.receive(e.Position)
	if why, refused := s.refused[e.Position]; refused {
		return s.writeLetter(req, limit, why)
	}
	before := req.Buffer()
	grown, err := s.encode(before)
	if cut, changed := s.documents.Cut(), s.documents.Changed(); first {
		s.account.Cut += cut
		s.account.ChangedKeys.Add(changed)
	}
	switch {
	case errors.Is(err, chunk.ErrTruncated):
		req.Keep(grown)
		s.ended = true
		s.malformed(e.Position, "it is cut off or corrupt; what follows in its chunk can't be read")
		return true, nil
	case errors.Is(err, address.ErrIDTooLong), errors.Is(err, address.ErrNoID):
		req.Keep(grown)
		if !first {
			return false, nil // On_Refusal keeps it
		}
		return s.refuseID(req, limit, err)
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

// refuseID refuses the current event for its id: one that is too long fails a
// whole request, and a document without one could not be found again.
func (s *source) refuseID(req *bulk.Request, limit int, problem error) (full bool, err error) {
	why := deliver.Refusal{Type: bulk.IllegalAction, Error: "id_too_long", Reason: problem.Error(), FullReason: problem.Error()}
	if errors.Is(problem, address.ErrNoID) {
		why.Error = "id_missing"
	}
	if s.Refuse(s.event.Position, why) == deliver.Redirected {
		return s.writeLetter(req, limit, why)
	}
	return false, nil
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
	_, err := s.addresses.ID(e, nil)
	return err
}

// encode appends the event's action and document. The walk that writes the
// document finds what the action needs of the record, so that the document is
// written first, behind room for an action like the last one. A panic, which only a fault
// of this plugin can cause, costs this record and no other.
func (s *source) encode(dst []byte) (out []byte, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			s.plugin.report.encoderFault(problem, debug.Stack())
			out, err = dst, errPanic
		}
	}()
	e := &s.event
	if !s.addresses.NeedsRecord() {
		if out, err = s.appendAction(dst, nil); err != nil {
			return dst, err
		}
		out, rest, err := s.documents.Append(out, e)
		if err != nil {
			return dst, err
		}
		s.reader.Done(rest)
		return append(out, '\n'), nil
	}
	operation := s.plugin.setup.operation
	before, behind := operation.Body()
	out, rest, err := s.documents.Append(append(bulk.AppendRoom(dst, s.room), before...), e)
	if err != nil {
		return dst, err
	}
	s.reader.Done(rest)
	e.Record = e.Record[:len(e.Record)-len(rest)]
	if s.action, err = s.appendAction(s.action[:0], s.documents.Values()); err != nil {
		return out[:len(dst)], err
	}
	if !operation.HasBody() {
		return append(out[:len(dst)], s.action...), nil
	}
	out = bulk.PutAction(append(append(out, behind...), '\n'), len(dst), s.room, s.action)
	s.room = len(s.action)
	return out, nil
}

// appendAction appends the action line of the current event, which has these
// values at the paths of its address.
//
// Possible errors: address.ErrIDTooLong, address.ErrNoID.
func (s *source) appendAction(dst []byte, values chunk.Values) (out []byte, err error) {
	e := &s.event
	index := s.addresses.Index(e, values)
	s.names.add(e.Position, index)
	id, err := s.addresses.ID(e, values)
	if err != nil {
		return dst, err
	}
	if len(id) > 0 {
		s.owned.Set(e.Position)
	}
	return bulk.AppendAction(dst, bulk.Action{
		Operation: s.plugin.setup.operation, Index: index, ID: id,
		Pipeline: s.addresses.Pipeline(e, values), Routing: s.addresses.Routing(e, values),
	}), nil
}

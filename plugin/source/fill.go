package source

import (
	"bytes"
	"errors"
	"io"
	"runtime/debug"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
)

var (
	errPanic = errors.New("source: the encoder failed")
	// errHeld: the event's destination takes nothing now.
	errHeld = errors.New("source: the destination is held")
)

// Fill implements deliver.Source. Records for the dead-letter file don't leave
// by the request, so they are written here.
func (s *Source) Fill(req *bulk.Request, limits deliver.Limits) error {
	s.scratch.records.reset()
	s.admission, s.turnedAway = limits.Admission, false
	if err := s.fill(req, limits); err != nil {
		return err
	}
	return s.syncDeadLetters()
}

// fill appends events until the request is full. A chunk that is cut off ends
// where it can't be read on.
func (s *Source) fill(req *bulk.Request, limits deliver.Limits) error {
	start := s.start()
	s.reader.Seek(start)
	rest := s.reader.Remaining(start) - limits.SourceBytes // where limits.Rest ends
	s.ended = false
	for limits.Items == 0 || len(req.Positions()) < limits.Items {
		place, err := s.reader.Place()
		if err == nil {
			s.to = place
			if limits.SourceBytes > 0 && s.reader.Remaining(place) <= rest && len(req.Positions()) > 0 {
				return nil
			}
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
func (s *Source) add(req *bulk.Request, limit int) (full bool, err error) {
	e := &s.event
	if s.settled.Has(e.Position) || e.Kind != chunk.Log || e.Position < s.passed {
		return false, s.skipSettled(e)
	}
	first := s.receive(e.Position)
	if why, rejected := s.rejected[e.Position]; rejected {
		return s.writeDeadLetter(req, limit, why)
	}
	before := req.Buffer()
	grown, err := s.encode(before)
	if cut, changed := s.scratch.documents.Truncated(), s.scratch.documents.Changed(); first {
		s.account.Truncated += cut
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
			return false, nil // On_Rejection keeps it
		}
		return s.rejectID(req, limit, err)
	case errors.Is(err, errHeld):
		req.Keep(grown)
		return s.turnAway(req, limit)
	case err != nil:
		s.malformed(e.Position, "the encoder failed on it")
		return false, nil
	}
	if limit > 0 && len(req.Positions()) > 0 && req.Size()+req.Added(grown) > limit {
		req.Keep(grown)
		return true, nil
	}
	if s.shared.Options.Trace {
		s.shared.Report.Trace(grown[len(before):])
	}
	return false, req.Commit(grown, e.Position)
}

// rejectID rejects the current event for its id: one that is too long fails a
// whole request, and a document without one could not be found again.
func (s *Source) rejectID(req *bulk.Request, limit int, problem error) (full bool, err error) {
	why := deliver.Rejection{Type: bulk.InvalidAction, Error: "id_too_long", Reason: problem.Error(), FullReason: problem.Error()}
	if errors.Is(problem, address.ErrNoID) {
		why.Error = "id_missing"
	}
	if s.Reject(s.event.Position, why) == deliver.DeadLettered {
		return s.writeDeadLetter(req, limit, why)
	}
	return false, nil
}

// turnAway skips an event for a held destination, or rejects it if it has been held for longer than
// Hold_Limit.
func (s *Source) turnAway(req *bulk.Request, limit int) (full bool, err error) {
	position := s.event.Position
	if position >= s.asked {
		s.asked = position + 1
		if why, over := s.admission.Expired(s.indices.bytes(position), s.heldSince); over {
			if s.Reject(position, why) == deliver.DeadLettered {
				return s.writeDeadLetter(req, limit, why)
			}
			return false, nil
		}
	}
	s.turnedAway = true
	return false, nil
}

// skipSettled goes over an event that is not sent. Generated ids must see it all the
// same, since they count its equals.
func (s *Source) skipSettled(e *chunk.Event) error {
	if !s.scratch.addresses.CountsEvents() || e.Kind != chunk.Log {
		return nil
	}
	if err := s.reader.Bound(e); err != nil {
		return nil // the next step meets the same end
	}
	_, err := s.scratch.addresses.ID(e, nil)
	return err
}

// encode appends the event's action and document. The walk that writes the document also finds the
// fields that the action needs, so the document is written first, behind room for an action like
// the last one. A panic, which is always a bug of this plugin, costs this record and no other.
func (s *Source) encode(dst []byte) (out []byte, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			s.shared.Report.EncoderFault(problem, debug.Stack())
			out, err = dst, errPanic
		}
	}()
	e, scratch := &s.event, s.scratch
	if !scratch.addresses.NeedsRecord() {
		if out, err = s.appendAction(dst, nil); err != nil {
			return dst, err
		}
		out, rest, err := scratch.documents.Append(out, e)
		if err != nil {
			return dst, err
		}
		s.reader.Done(rest)
		return append(out, '\n'), nil
	}
	operation := s.shared.Options.Operation
	before, behind := operation.Body()
	out, rest, err := scratch.documents.Append(append(bulk.AppendRoom(dst, scratch.actionRoom), before...), e)
	if err != nil {
		return dst, err
	}
	s.reader.Done(rest)
	e.Record = e.Record[:len(e.Record)-len(rest)]
	if scratch.action, err = s.appendAction(scratch.action[:0], scratch.documents.Values()); err != nil {
		return out[:len(dst)], err
	}
	if !operation.HasBody() {
		return append(out[:len(dst)], scratch.action...), nil
	}
	out = bulk.PutAction(append(append(out, behind...), '\n'), len(dst), scratch.actionRoom, scratch.action)
	scratch.actionRoom = len(scratch.action)
	return out, nil
}

// appendAction appends the action line of the current event, which has these
// values at the paths of its address.
//
// Possible errors: address.ErrIDTooLong, address.ErrNoID, errHeld.
func (s *Source) appendAction(dst []byte, values chunk.Values) (out []byte, err error) {
	e, addresses := &s.event, s.scratch.addresses
	index := addresses.Index(e, values)
	s.indices.add(e.Position, index)
	id, err := addresses.ID(e, values)
	if err != nil {
		return dst, err
	}
	if s.admission != nil && !s.admission.Admits(bytes.Trim(index, `"`)) {
		return dst, errHeld
	}
	return bulk.AppendAction(dst, bulk.Action{
		Operation: s.shared.Options.Operation, Index: index, ID: id,
		Pipeline: addresses.Pipeline(e, values), Routing: addresses.Routing(e, values),
	}), nil
}

package plugin

import (
	"errors"
	"io"

	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
)

// receive counts the record at position, and says whether it is its first time
// in this flush.
func (s *source) receive(position int) (first bool) {
	if position < s.fresh {
		return false
	}
	s.fresh = position + 1
	s.account.Received++
	return true
}

// malformed settles a value that can't become a document, once.
func (s *source) malformed(position int, why string) {
	if s.settled.Has(position) {
		return
	}
	s.receive(position)
	s.settled.Set(position)
	s.account.Malformed++
	s.plugin.report.malformed(s.tag, why)
}

// Advance implements deliver.Source.
func (s *source) Advance() { s.from = s.to }

// Keep implements deliver.Source. What is settled of a chunk is remembered when
// it goes back.
func (s *source) Keep() {}

// Sent implements deliver.Source.
func (s *source) Sent(position int) bulk.Sent {
	if _, letter := s.refused[position]; letter {
		return bulk.Sent{Operation: bulk.Create, OwnID: true}
	}
	return bulk.Sent{Operation: s.plugin.setup.operation, OwnID: s.owned.Has(position), OwnPipeline: s.plugin.setup.ownPipelines}
}

// Settle implements deliver.Source.
func (s *source) Settle(position int, v bulk.Verdict) {
	if _, letter := s.refused[position]; letter {
		s.settleLetter(position)
		return
	}
	s.settled.Set(position)
	switch v {
	case bulk.AlreadyThere:
		s.account.AlreadyThere++
	case bulk.Diverted:
		s.account.Diverted++
	default:
		s.account.Accepted++
	}
}

// Refuse implements deliver.Source: a refused event goes to the dead letters
// where there are any, else On_Refusal decides. A letter that is itself refused
// goes no further.
func (s *source) Refuse(position int, why deliver.Refusal) deliver.Disposition {
	_, letter := s.refused[position]
	switch {
	case letter:
		s.plugin.report.letterRefused(why)
		delete(s.refused, position)
	case s.plugin.setup.letters.Kept():
		s.plugin.report.refused(s.names.of(position), why, "written to the dead letters")
		s.redirect(position, why)
		return deliver.Redirected
	case s.plugin.policy.keepRefused:
		s.plugin.report.refused(s.names.of(position), why, "kept, as On_Refusal says")
		s.kept = true
		return deliver.Kept
	default:
		s.plugin.report.refused(s.names.of(position), why, "dropped")
	}
	s.settled.Set(position)
	s.account.Dropped++
	s.account.Refused[why.Type]++
	return deliver.Done
}

// countReturned walks the chunk for what is not settled, so that the account
// holds every record. It starts at the front: what is kept may lie anywhere.
func (s *source) countReturned() {
	s.account.Returned = 0
	s.reader.Seek(chunk.Place{})
	for {
		err := s.reader.Next(&s.event)
		if err == nil {
			err = s.reader.Bound(&s.event) // a record that is cut off is malformed, not returned
		}
		position := s.event.Position
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, chunk.ErrTruncated):
			s.malformed(position, "it is cut off or corrupt; what follows in its chunk can't be read")
			return
		case s.settled.Has(position), err == nil && s.event.Kind != chunk.Log:
			continue
		}
		s.receive(position)
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

package source

import (
	"errors"
	"io"

	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
)

// receive counts the record at position, and reports whether it is its first time
// in this flush.
func (s *Source) receive(position int) (first bool) {
	if position < s.nextPosition {
		return false
	}
	s.nextPosition = position + 1
	s.account.Received++
	return true
}

// malformed settles a value that can't become a document, once.
func (s *Source) malformed(position int, why string) {
	if s.settled.Has(position) {
		return
	}
	s.receive(position)
	s.settled.Set(position)
	s.account.Malformed++
	s.shared.Report.Malformed(s.tag, why)
}

// Advance implements deliver.Source.
func (s *Source) Advance() {
	s.from, s.ahead = s.to, s.ahead[:0]
	s.behind = s.behind || s.turnedAway
	s.turnedAway = false
}

// Skip implements deliver.Source.
func (s *Source) Skip() {
	s.from, s.behind, s.turnedAway = s.to, true, false
	s.ahead = s.ahead[:0]
}

// Ahead implements deliver.Source.
func (s *Source) Ahead() { s.ahead = append(s.ahead, s.to) }

// Resume implements deliver.Source.
func (s *Source) Resume(fills int) {
	if fills > 0 {
		s.from = s.ahead[fills-1]
	}
	s.ahead = s.ahead[:0]
}

// Remaining implements deliver.Source.
func (s *Source) Remaining() int { return s.reader.Remaining(s.start()) }

// start is where the next Fill begins.
func (s *Source) start() chunk.Place {
	if last := len(s.ahead) - 1; last >= 0 {
		return s.ahead[last]
	}
	return s.from
}

// Rewind implements deliver.Source.
func (s *Source) Rewind() {
	s.from, s.passed, s.behind, s.turnedAway = chunk.Place{}, 0, false, false
	s.ahead = s.ahead[:0]
}

// Destination implements deliver.Source.
func (s *Source) Destination(position int) []byte {
	if _, deadLetter := s.rejected[position]; deadLetter && len(s.deadLetterIndices.runs) > 0 {
		return s.deadLetterIndices.bytes(position)
	}
	return s.indices.bytes(position)
}

// Identity implements deliver.Source.
func (s *Source) Identity(position int) [16]byte { return s.digest().Event(position) }

// Checkpoint implements deliver.Source. The settled events of a chunk are remembered when it goes
// back.
func (s *Source) Checkpoint() {}

// Sent implements deliver.Source.
func (s *Source) Sent(position int) bulk.Sent {
	if _, letter := s.rejected[position]; letter {
		return bulk.Sent{Operation: bulk.Create}
	}
	return bulk.Sent{Operation: s.shared.Options.Operation, OwnPipeline: s.shared.Options.OwnPipelines}
}

// Settle implements deliver.Source.
func (s *Source) Settle(position int, v bulk.Verdict) {
	if _, letter := s.rejected[position]; letter {
		s.settleDeadLetter(position)
		return
	}
	s.settled.Set(position)
	switch v {
	case bulk.Deduplicated:
		s.account.Deduplicated++
	case bulk.InFailureStore:
		s.account.FailureStore++
	default:
		s.account.Accepted++
	}
}

// Reject implements deliver.Source: a rejected event becomes a dead-letter record
// where there are any, else On_Rejection decides. A dead-letter record that is itself rejected
// goes no further.
func (s *Source) Reject(position int, why deliver.Rejection) deliver.Disposition {
	_, letter := s.rejected[position]
	switch {
	case letter:
		s.shared.Report.DeadLetterRejected(why)
		delete(s.rejected, position)
	case s.shared.Options.DeadLetters != NoDeadLetters:
		s.shared.Report.Rejected(s.indices.of(position), why, "written as dead-letter records")
		s.queueDeadLetter(position, why)
		return deliver.DeadLettered
	case s.shared.Options.RetryRejected:
		s.shared.Report.Rejected(s.indices.of(position), why, "kept for a retry (On_Rejection)")
		s.kept = true
		return deliver.Kept
	default:
		s.shared.Report.Rejected(s.indices.of(position), why, "dropped")
	}
	s.settled.Set(position)
	s.account.Dropped++
	s.account.Rejected[why.Type]++
	return deliver.Done
}

// CountReturned counts the unsettled events of the chunk, so that the account has every record. It
// starts at the front: kept events may be anywhere.
//
// It returns the destination of the first of them, "" if no Fill has reached it.
func (s *Source) CountReturned() (destination string) {
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
			return destination
		case errors.Is(err, chunk.ErrTruncated):
			s.malformed(position, "it is cut off or corrupt; what follows in its chunk can't be read")
			return destination
		case s.settled.Has(position), err == nil && s.event.Kind != chunk.Log:
			continue
		}
		s.receive(position)
		if s.account.Returned++; s.account.Returned == 1 {
			destination = s.indices.of(position)
		}
	}
}

// OnlyMalformed reports whether the chunk contained only malformed values.
func (s *Source) OnlyMalformed() bool {
	return s.account.Malformed > 0 && s.account.Malformed == s.account.Received
}

package source

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
)

// deadLetterBatch is how many bytes of dead-letter records are gathered before
// they are written to the file and synced.
const deadLetterBatch = 1 << 20

// deadLetterRecords are the dead-letter records of one Fill. Elasticsearch
// rejected the events, which are settled once their records are delivered.
type deadLetterRecords struct {
	// lines are records for the file, of the events in positions.
	lines     []byte
	positions []int
	// document and record are the document of the last dead-letter record, and that record.
	document []byte
	record   []byte
}

func (r *deadLetterRecords) reset() { r.lines, r.positions = r.lines[:0], r.positions[:0] }

// release keeps no memory that a rare chunk made large: it would stay for as
// long as the instance.
func (r *deadLetterRecords) release() {
	for _, text := range []*[]byte{&r.lines, &r.document, &r.record} {
		if cap(*text) > 2*deadLetterBatch {
			*text = nil
		}
	}
}

// queueDeadLetter notes a rejected event.
func (s *Source) queueDeadLetter(position int, why deliver.Rejection) {
	if s.rejected == nil {
		s.rejected = map[int]deliver.Rejection{}
	}
	s.rejected[position] = why
}

// writeDeadLetter makes the dead-letter record of the current event, as an item
// of req or as a line of the file. full says that req has no room for it.
func (s *Source) writeDeadLetter(req *bulk.Request, limit int, why deliver.Rejection) (full bool, err error) {
	id, err := s.makeDeadLetter(&s.event, why)
	if err != nil {
		return false, err
	}
	records := &s.scratch.records
	if s.shared.File != nil {
		records.lines = append(append(records.lines, records.record...), '\n')
		records.positions = append(records.positions, s.event.Position)
		if len(records.lines) >= deadLetterBatch {
			return false, s.syncDeadLetters()
		}
		return false, nil
	}
	before := req.Buffer()
	index := s.scratch.deadLetterNames.Index(&s.event, s.scratch.documents.Values())
	s.deadLetterIndices.add(s.event.Position, index)
	if s.admission != nil && !s.admission.Admits(bytes.Trim(index, `"`)) {
		s.turnedAway = true
		return false, nil
	}
	action := bulk.Action{Operation: bulk.Create, Index: index, ID: id, Pipeline: []byte(bulk.NoPipeline)}
	grown := append(append(bulk.AppendAction(before, action), records.record...), '\n')
	if limit > 0 && len(req.Positions()) > 0 && req.Size()+req.Added(grown) > limit {
		req.Keep(grown)
		return true, nil
	}
	return false, req.Commit(grown, s.event.Position)
}

// makeDeadLetter fills records.record, and returns the record's own id, quoted:
// the event's, or one made of the chunk and the event's place in it, so that a
// record that is sent twice is there once.
func (s *Source) makeDeadLetter(e *chunk.Event, why deliver.Rejection) (id []byte, err error) {
	records, documents := &s.scratch.records, s.scratch.documents
	var rest []byte
	records.document, rest, err = documents.Append(records.document[:0], e)
	if err != nil {
		return nil, err
	}
	documents.Truncated() // counted when the document itself was made
	documents.Changed()
	s.reader.Done(rest)
	e.Record = e.Record[:len(e.Record)-len(rest)]
	own, err := s.scratch.addresses.ID(e, documents.Values())
	if err != nil {
		own = nil // the illegal id is the reason of the rejection
	}
	records.record = deadletter.AppendRecord(records.record[:0], deadletter.Record{
		Index: s.indices.of(e.Position), ID: own, Tag: s.tag,
		Routing: s.scratch.addresses.Routing(e, documents.Values()), Pipeline: s.scratch.addresses.Pipeline(e, documents.Values()),
		EventTime: time.Unix(e.Time.Seconds, int64(e.Time.Nanos)),
		Status:    why.Status, Type: why.Error, Reason: why.FullReason, RejectedAt: time.Now(),
		Document: records.document,
	})
	if s.shared.Options.Address.IDs == address.GeneratedIDs {
		return own, nil
	}
	hash := s.identity().Event(e.Position)
	return fmt.Appendf(nil, "%q", base64.RawURLEncoding.EncodeToString(hash[:])), nil
}

// syncDeadLetters writes the collected lines to the file. Events are settled only when their lines
// are safe; an error leaves them to the next delivery of the chunk.
func (s *Source) syncDeadLetters() error {
	records := &s.scratch.records
	if len(records.positions) == 0 {
		return nil
	}
	removed, err := s.shared.File.Write(records.lines)
	if removed {
		s.shared.Report.DeadLettersDeleted()
	}
	if err != nil {
		s.shared.Report.DeadLetterWriteFailed(err)
		return fmt.Errorf("%w: %w", deliver.ErrLeft, err)
	}
	for _, position := range records.positions {
		s.settleDeadLetter(position)
	}
	records.reset()
	return nil
}

// settleDeadLetter counts an event whose dead-letter record has arrived.
func (s *Source) settleDeadLetter(position int) {
	s.account.Rejected[s.rejected[position].Type]++
	delete(s.rejected, position)
	s.settled.Set(position)
	s.account.DeadLettered++
}

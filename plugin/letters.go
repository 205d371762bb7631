package plugin

import (
	"encoding/base64"
	"fmt"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/config"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
)

// letterBatch is how many bytes of letters are gathered before they are
// written to the file and synced.
const letterBatch = 1 << 20

// letterSetup says where refused records go.
type letterSetup struct {
	// Names makes the name of the dead-letter index; its zero value is for
	// none.
	Names address.Options
	// File is the path of the dead-letter file, "" for none.
	File string
}

// Kept says whether there are dead letters at all.
func (l *letterSetup) Kept() bool { return l.File != "" || len(l.Names.Name) > 0 }

// fate says what becomes of refused documents, for the start-up line.
func (l *letterSetup) fate(c *config.Config) string {
	switch {
	case l.File != "":
		return "to file " + l.File
	case l.Kept():
		return "to index " + c.DeadLetterIndex
	}
	return c.OnRefusal
}

// letters are the dead letters of one chunk: Elasticsearch refused the events,
// and what became of them must be written down before they are settled.
type letters struct {
	// refused holds the events whose letters are not delivered yet. The next
	// Fill makes their letters.
	refused map[int]deliver.Refusal
	// lines are letters for the file, of the events in positions.
	lines     []byte
	positions []int
	document  []byte
	letter    []byte
}

// reset forgets all, and keeps no memory that a rare chunk made large: it
// would stay for as long as the instance.
func (l *letters) reset() {
	l.refused = nil
	l.positions = l.positions[:0]
	for _, text := range []*[]byte{&l.lines, &l.document, &l.letter} {
		if cap(*text) > 2*letterBatch {
			*text = nil
		}
		*text = (*text)[:0]
	}
}

// redirect notes a refused event.
func (l *letters) redirect(position int, why deliver.Refusal) {
	if l.refused == nil {
		l.refused = map[int]deliver.Refusal{}
	}
	l.refused[position] = why
}

// writeLetter makes the letter of the current event, as an item of req or as a
// line of the file. full says that req has no room for it.
func (s *source) writeLetter(req *bulk.Request, limit int, why deliver.Refusal) (full bool, err error) {
	id, err := s.makeLetter(&s.event, why)
	if err != nil {
		return false, err
	}
	if s.plugin.letterFile != nil {
		s.lines = append(append(s.lines, s.letter...), '\n')
		s.positions = append(s.positions, s.event.Position)
		if len(s.lines) >= letterBatch {
			return false, s.syncLetters()
		}
		return false, nil
	}
	before := req.Buffer()
	action := bulk.Action{Operation: bulk.Create, Index: s.letterNames.Index(&s.event, s.documents.Values()), ID: id, Pipeline: []byte(bulk.NoPipeline)}
	grown := append(append(bulk.AppendAction(before, action), s.letter...), '\n')
	if limit > 0 && len(req.Positions()) > 0 && req.Size()+req.Added(grown) > limit {
		req.Keep(grown)
		return true, nil
	}
	return false, req.Commit(grown, s.event.Position)
}

// makeLetter fills s.letter, and returns the letter's own id, quoted: the
// event's, or one made of the chunk and the event's place in it, so that a
// letter that is sent twice is there once.
func (s *source) makeLetter(e *chunk.Event, why deliver.Refusal) (id []byte, err error) {
	var rest []byte
	s.document, rest, err = s.documents.Append(s.document[:0], e)
	if err != nil {
		return nil, err
	}
	s.documents.Cut() // counted when the document itself was made
	s.documents.Changed()
	s.reader.Done(rest)
	e.Record = e.Record[:len(e.Record)-len(rest)]
	own, err := s.addresses.ID(e, s.documents.Values())
	if err != nil {
		own = nil // which is what it was refused for
	}
	s.letter = deadletter.AppendLetter(s.letter[:0], deadletter.Letter{
		Index: s.names.of(e.Position), ID: own, Tag: s.tag,
		EventTime: time.Unix(e.Time.Seconds, int64(e.Time.Nanos)),
		Status:    why.Status, Type: why.Error, Reason: why.FullReason, RefusedAt: time.Now(),
		Document: s.document,
	})
	if s.plugin.setup.address.IDs == address.GeneratedIDs {
		return own, nil
	}
	hash := s.digest().Event(e.Position)
	return fmt.Appendf(nil, "%q", base64.RawURLEncoding.EncodeToString(hash[:])), nil
}

// syncLetters writes the gathered lines to the file. Only what is safely there
// is settled; an error leaves the events to the next flush of the chunk.
func (s *source) syncLetters() error {
	if len(s.positions) == 0 {
		return nil
	}
	removed, err := s.plugin.letterFile.Write(s.lines)
	if removed {
		s.plugin.report.lettersRemoved()
	}
	if err != nil {
		s.plugin.report.letterFailed(err)
		return fmt.Errorf("%w: %w", deliver.ErrLeft, err)
	}
	for _, position := range s.positions {
		s.settleLetter(position)
	}
	s.lines, s.positions = s.lines[:0], s.positions[:0]
	return nil
}

// settleLetter counts an event whose letter has arrived.
func (s *source) settleLetter(position int) {
	s.account.Refused[s.refused[position].Type]++
	delete(s.refused, position)
	s.settled.Set(position)
	s.account.DeadLettered++
}

// Package source is a chunk on its way to Elasticsearch: the deliver.Source of
// its events.
package source

import (
	"time"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deadletter"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/report"
)

// Options configure the documents, addresses and dead-letter records of events.
type Options struct {
	Address     address.Options
	Document    document.Options
	Operation   bulk.Operation
	Compression bulk.Compression
	// RequestBytes is how large requests become, 0 where that is not known.
	RequestBytes int
	// DataStreams says that documents name the data stream they are in.
	DataStreams bool
	// OwnPipelines says that pipelines are named by the events.
	OwnPipelines bool
	// DeadLetterIndex makes the name of the dead-letter index. It counts where
	// DeadLetters is DeadLettersToIndex.
	DeadLetterIndex address.Options
	DeadLetters     DeadLetters
	// RetryRejected keeps rejected events where there are no dead-letter records; else
	// they are dropped.
	RetryRejected bool
	// Trace logs all requests.
	Trace bool
}

// DeadLetters says where rejected events are written down.
type DeadLetters uint8

// The places for dead-letter records.
const (
	NoDeadLetters DeadLetters = iota
	DeadLettersToIndex
	DeadLettersToFile
)

// Shared is the common part of all chunks of one instance. It is safe for concurrent use.
type Shared struct {
	Options Options
	Report  *report.Reporter
	// File is the dead-letter file, nil for none.
	File *deadletter.File
}

// Scratch is memory for one chunk at a time: the writers, and their output.
type Scratch struct {
	// Request collects a chunk's events.
	Request *bulk.Request

	documents       *document.Writer
	addresses       *address.Writer
	deadLetterNames *address.Writer
	// action is the last action line, actionRoom how long it was.
	action     []byte
	actionRoom int
	records    deadLetterRecords
}

// NewScratch returns memory for chunks of an instance.
func (s *Shared) NewScratch() *Scratch {
	o := &s.Options
	scratch := &Scratch{
		Request:         bulk.NewRequest(o.Compression),
		documents:       document.NewWriter(o.Document),
		addresses:       address.NewWriter(o.Address),
		deadLetterNames: address.NewWriter(o.DeadLetterIndex),
	}
	scratch.Request.Expect(o.RequestBytes)
	if o.DataStreams {
		scratch.documents.NameStreams(scratch.addresses)
	}
	return scratch
}

// begin tells the writers that another chunk follows.
func (s *Scratch) begin(tag string) {
	now := time.Now()
	s.records.release()
	s.documents.Begin(tag)
	s.addresses.Begin(tag, now)
	s.deadLetterNames.Begin(tag, now)
}

// Source is one chunk. It is not safe for concurrent use.
type Source struct {
	shared  *Shared
	scratch *Scratch
	tag     string
	digest  func() deliver.Digest // identifies the chunk: it reads all of it
	id      deliver.Digest        // the result of digest, once called
	hasID   bool

	reader chunk.Reader
	event  chunk.Event
	// from and to are where the last Fill began and ended.
	from, to chunk.Place
	// passed is the first position that a Fill behind a Reload is to fill in: those before it were
	// left behind.
	passed int
	// ahead are the ends of the Fills since from that Ahead went behind.
	ahead []chunk.Place
	// ended says that the last Fill came to the chunk's end.
	ended bool

	settled deliver.Settled
	// indices are those that the events were sent to.
	indices indexNames
	// deadLetterIndices are those that dead-letter records were sent to.
	deadLetterIndices indexNames
	// rejected holds the events whose dead-letter records are still to be delivered. The next Fill
	// makes them.
	rejected map[int]deliver.Rejection
	// nextPosition is the first position that no Fill has come to yet.
	nextPosition int
	account      report.Account
	// kept says that records are left which On_Rejection keeps.
	kept bool
	// admission is that of the last Fill, which turnedAway events; behind is set if events before
	// from are not settled.
	admission  *deliver.Admission
	turnedAway bool
	behind     bool
	// heldSince is since when a destination has held the chunk up. Events before asked were
	// compared with Hold_Limit in this delivery.
	heldSince time.Time
	asked     int
}

// New returns a source, for Open. Several may have the same scratch, as long as
// only the one that was opened last is used to fill requests.
func (s *Shared) New(scratch *Scratch) *Source { return &Source{shared: s, scratch: scratch} }

// Open starts on a chunk, of which nothing is settled. data is borrowed until
// the next call of Open or Reload. digest identifies the chunk.
func (s *Source) Open(tag string, data []byte, digest func() deliver.Digest) {
	s.tag, s.digest, s.hasID = tag, digest, false
	s.settled.Reset()
	s.indices.reset()
	s.deadLetterIndices.reset()
	s.rejected = nil
	s.nextPosition, s.ended, s.kept, s.account = 0, false, false, report.Account{}
	s.admission, s.turnedAway, s.behind = nil, false, false
	s.HeldSince(time.Time{})
	s.from, s.passed = chunk.Place{}, 0
	s.Reload(data)
}

// Reload goes back to the front of the same chunk, whose memory may have moved, after another
// source has used the scratch: generated ids count equal events from there. Settled events, and
// those that were left behind, are skipped.
func (s *Source) Reload(data []byte) {
	s.scratch.begin(s.tag)
	s.reader = chunk.NewReader(data)
	s.passed = max(s.passed, s.from.Position())
	s.from, s.ahead = chunk.Place{}, s.ahead[:0]
}

// identity is the chunk's digest, which is made once.
func (s *Source) identity() deliver.Digest {
	if !s.hasID {
		s.id, s.hasID = s.digest(), true
	}
	return s.id
}

// Release forgets the chunk; its memory belongs to the caller again.
func (s *Source) Release() {
	s.reader, s.event, s.digest = chunk.Reader{}, chunk.Event{}, nil
	s.from, s.to = chunk.Place{}, chunk.Place{}
	clear(s.ahead)
	s.ahead = s.ahead[:0]
}

// Request is the request of the source's scratch.
func (s *Source) Request() *bulk.Request { return s.scratch.Request }

// Settled are the events that need nothing more.
func (s *Source) Settled() *deliver.Settled { return &s.settled }

// Account is where the events of the chunk went, so far.
func (s *Source) Account() *report.Account { return &s.account }

// Ended reports whether the last Fill came to the chunk's end.
func (s *Source) Ended() bool { return s.ended }

// Kept reports whether records are left which On_Rejection keeps.
func (s *Source) Kept() bool { return s.kept }

// Begins is the position at which the next Fill starts.
func (s *Source) Begins() int { return max(s.passed, s.from.Position()) }

// Left reports whether events that were filled in, or turned away, before the
// place where the next Fill starts are not settled.
func (s *Source) Left() bool {
	return s.behind || s.turnedAway || s.kept || len(s.rejected) > 0
}

// HeldSince tells before a delivery since when a destination has held the chunk up, the zero time
// where none has: each event that is turned away is compared with Hold_Limit once a delivery.
func (s *Source) HeldSince(t time.Time) { s.heldSince, s.asked = t, 0 }

// Rejected is how many events ended by a rejection so far.
func (s *Source) Rejected() int { return s.account.Dropped + s.account.DeadLettered }

// WasHeld implements deliver.Source.
func (s *Source) WasHeld() bool { return !s.heldSince.IsZero() }

// Position is the position of the last event that was read.
func (s *Source) Position() int { return s.reader.Position() }

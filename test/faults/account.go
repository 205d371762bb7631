package faults

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Entry is the record of one bulk request.
type Entry struct {
	// Number counts bulk requests from 1, in the order in which their headers came.
	Number int
	Fault  Fault
	At     time.Time // when its header came
	// Bytes and Documents are the request's size, uncompressed; 0 if it was cut before it was read.
	Bytes, Documents int
	// Held is the number of documents that the proxy answered itself, item by item.
	Held int
	// Accepted is the number of documents that Elasticsearch accepted (200 or 201).
	Accepted int
	// Lost is the number of accepted documents whose item the client may not have received. They
	// may be retried, and duplicated.
	Lost int
	// Late means that the client may have stopped waiting before the answer, or that the answer
	// could not be written to its end.
	Late bool
}

// Account is a proxy's record of its faults.
type Account struct {
	Entries []Entry
	// Connections were reset by the TLS listener: in the handshake, and later.
	HandshakeResets, DataResets int

	lost map[string]int
}

// Requests is the number of bulk requests, those included that were cut off.
func (a *Account) Requests() int { return len(a.Entries) }

// Count is the number of bulk requests that met the fault.
func (a *Account) Count(f Fault) int {
	n := 0
	for _, e := range a.Entries {
		if e.Fault == f {
			n++
		}
	}
	return n
}

// Faults counts the requests by their fault.
func (a *Account) Faults() map[string]int {
	counts := map[string]int{}
	for _, e := range a.Entries {
		counts[e.Fault.String()]++
	}
	return counts
}

// LostDocuments is the number of accepted documents that may be unknown to the client, counting
// each time.
func (a *Account) LostDocuments() int {
	n := 0
	for _, e := range a.Entries {
		n += e.Lost
	}
	return n
}

// Lost is the number of times that Elasticsearch accepted this document, given as its line in the
// request, without certain knowledge of the client: the maximum number of duplicates.
func (a *Account) Lost(document []byte) int { return a.lost[string(document)] }

// ledger builds an Account. It is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	account Account
}

// open begins the entry of a request and returns its place.
func (l *ledger) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := len(l.account.Entries)
	l.account.Entries = append(l.account.Entries, Entry{Number: place + 1, At: time.Now()})
	return place
}

// note changes the entry at place. It is called before the client can see the fault.
func (l *ledger) note(place int, change func(*Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.account.Entries[place])
}

// lose adds documents to those of the entry at place that may be unknown to the client.
func (l *ledger) lose(place int, documents []item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.account.lost == nil {
		l.account.lost = map[string]int{}
	}
	l.account.Entries[place].Lost += len(documents)
	for _, d := range documents {
		l.account.lost[string(d.document)]++
	}
}

// reset counts a connection that the TLS listener reset.
func (l *ledger) reset(stage stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch stage {
	case inHandshake:
		l.account.HandshakeResets++
	case inData:
		l.account.DataResets++
	}
}

func (l *ledger) snapshot() *Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied := l.account
	copied.Entries, copied.lost = slices.Clone(l.account.Entries), maps.Clone(l.account.lost)
	return &copied
}

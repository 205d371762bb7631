package faults

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Entry is what became of one bulk request.
type Entry struct {
	// Number counts bulk requests from 1, in the order in which their headers came.
	Number int
	Fault  Fault
	At     time.Time // when its header came
	// Bytes and Documents are what it held, uncompressed; 0 where it was cut before it was read.
	Bytes, Documents int
	// Held are the documents that the proxy answered itself, item by item.
	Held int
	// Accepted are those that Elasticsearch took (200 or 201).
	Accepted int
	// Lost are those of them whose item the client may not have got. They may be sent again, and be there twice.
	Lost int
	// Late says that the answer came when the client may have given up, or could not be written to its end.
	Late bool
}

// Account is what a proxy did.
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

// Faults counts the requests by what they met.
func (a *Account) Faults() map[string]int {
	counts := map[string]int{}
	for _, e := range a.Entries {
		counts[e.Fault.String()]++
	}
	return counts
}

// LostDocuments is how many accepted documents the client may not know of, each time counted.
func (a *Account) LostDocuments() int {
	n := 0
	for _, e := range a.Entries {
		n += e.Lost
	}
	return n
}

// Lost is how often Elasticsearch accepted this document, given as its line in the request, without the client being told
// for sure: how many copies of it more than one there may be.
func (a *Account) Lost(document []byte) int { return a.lost[string(document)] }

// ledger is an Account in the making. Safe for concurrent use.
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

// note changes the entry at place. It is called before the client sees what it tells of.
func (l *ledger) note(place int, change func(*Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.account.Entries[place])
}

// lose adds documents to those of the entry at place that the client may not know of.
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

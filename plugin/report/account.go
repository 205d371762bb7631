package report

import (
	"out_es/plugin/bulk"
	"out_es/plugin/document"
)

// Account says where the records of one flush, or of one frame of the spool,
// went:
//
//	Received + Unspooled = Accepted + Diverted + Deduplicated + DeadLettered + Dropped + Malformed + Returned + Spooled + Parked
//
// With a spool a flush has Received, Spooled, Returned and Malformed, and the
// sender Dequeued and the others.
//
// Records that an earlier flush of the same chunk settled, and group markers,
// are in none of them.
type Account struct {
	Received int
	// Dequeued are records that came out of the spool.
	Dequeued int
	Accepted int
	// FailureStore are in a data stream's failure store.
	FailureStore int
	// Deduplicated had arrived with an earlier attempt.
	Deduplicated int
	// DeadLettered were rejected and are dead-letter records; Dropped
	// are nowhere. Rejected counts both by type.
	DeadLettered int
	Dropped      int
	Rejected     [bulk.RejectionTypes]int
	// Malformed are values that are no events, or can't be read.
	Malformed int
	// Returned go back to Fluent Bit, which re-delivers them.
	Returned int
	// Spooled are safely in the spool; Parked went back into it, until an operator repairs the
	// cause.
	Spooled int
	Parked  int
	// Truncated is the number of values that lay too deep and became null.
	Truncated int
	// ChangedKeys are those that Elasticsearch would have rejected.
	ChangedKeys document.Changes
}

// Ended is how many records have an end.
func (a *Account) Ended() int {
	return a.Accepted + a.FailureStore + a.Deduplicated + a.DeadLettered + a.Dropped + a.Malformed + a.Returned + a.Spooled + a.Parked
}

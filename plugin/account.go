package plugin

import (
	"out_es/plugin/bulk"
	"out_es/plugin/document"
)

// Account says where the records of one flush went:
//
//	Received = Accepted + Diverted + AlreadyThere + DeadLettered + Dropped + Malformed + Returned
//
// Records that an earlier flush of the same chunk settled, and group markers,
// are in none of them.
type Account struct {
	Received int
	Accepted int
	// Diverted are in a data stream's failure store.
	Diverted int
	// AlreadyThere had arrived with an earlier attempt.
	AlreadyThere int
	// DeadLettered were refused for good and are in the dead letters; Dropped
	// are nowhere. Refused counts both by type.
	DeadLettered int
	Dropped      int
	Refused      [bulk.Refusals]int
	// Malformed are values that are no events, or can't be read.
	Malformed int
	// Returned go back to Fluent Bit, which brings them again.
	Returned int
	// Cut is the number of values that lay too deep and became null.
	Cut int
	// ChangedKeys are those that Elasticsearch would have refused.
	ChangedKeys document.Changes
}

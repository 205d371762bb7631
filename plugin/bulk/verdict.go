package bulk

import (
	"bytes"
	"slices"
)

// Verdict is the meaning of an item's status for its document.
type Verdict uint8

// The verdicts. docs/architecture.md describes their consequences.
const (
	// Unknown: the answer did not say. The item is retried.
	Unknown Verdict = iota
	// Accepted: Elasticsearch has it.
	Accepted
	// Diverted: Elasticsearch has it, but in the data stream's failure store,
	// since it could not be indexed.
	Diverted
	// Deduplicated: an earlier attempt had arrived, or the document to be deleted is missing.
	Deduplicated
	// Again: another request was faster. The item alone is retried.
	Again
	// Busy: backpressure, of the shard or of the whole cluster.
	Busy
	// Held: the destination, or a setting, keeps it out. It stays until that is
	// repaired.
	Held
	// Suspect: an error that the table doesn't know. The document is held as
	// innocent, and may be proved guilty.
	Suspect
	// Refused: Elasticsearch will never take this document.
	Refused
)

// Judge gives the verdict on an item of action a, and the row of the table of
// faults that it follows, nil where there is none.
func Judge(a Sent, item Item) (Verdict, *Fault) {
	switch status := item.Status; {
	case (status == 200 || status == 201) && string(item.FailureStore) == "used":
		return Diverted, nil
	case status == 200 || status == 201:
		return Accepted, nil
	case status == 409 && a.Operation == Create:
		return Deduplicated, nil // by an id of ours, or in a time series data stream by its dimensions and time
	case status == 409 && (a.Operation == Update || a.Operation == Upsert || a.Operation == Delete):
		return Again, nil // another request changed the document meanwhile
	case status == 404 && a.Operation == Delete && len(item.Type) == 0:
		return Deduplicated, nil // nothing to delete is no error, and has no type
	case status == 404 && a.Operation == Update && len(item.Type) == 0, status == 409:
		return Refused, nil
	case status == 400 && a.OwnPipeline && bytes.HasPrefix(item.Reason, []byte(missingPipeline)):
		return Refused, nil // the event names it
	}
	fault := FaultOf(item)
	if fault == nil {
		return Suspect, nil
	}
	return verdictOf[fault.Scope], fault
}

var verdictOf = [...]Verdict{UnknownScope: Suspect, DocumentScope: Refused, DestinationScope: Held, ClusterScope: Busy, SettingsScope: Held}

const (
	securityException = "security_exception"
	unavailableShards = "unavailable_shards_exception"
)

// Refusal is a refusal's type from a closed list, so that a metric has a
// bounded number of label values whatever a server says.
type Refusal uint8

// The refusals that are not an error type of Elasticsearch's.
const (
	// OtherRefusal is every type that the list does not hold.
	OtherRefusal Refusal = iota
	// TooLarge: a single document that is larger than a request may be.
	TooLarge
	// IllegalAction: a single item for which the whole request was refused.
	IllegalAction
)

// Refusals is how many there are.
const Refusals = 18

var refusalNames = [Refusals]string{
	OtherRefusal:  "other",
	TooLarge:      "too_large",
	IllegalAction: "illegal_action",
	3:             "document_parsing_exception",
	4:             "mapper_parsing_exception",
	5:             "strict_dynamic_mapping_exception",
	6:             "illegal_argument_exception",
	7:             "illegal_state_exception",
	8:             "version_conflict_engine_exception",
	9:             "document_missing_exception",
	10:            "index_not_found_exception",
	11:            "index_closed_exception",
	12:            "invalid_index_name_exception",
	13:            "cluster_block_exception",
	14:            "security_exception",
	15:            "routing_missing_exception",
	16:            "script_exception",
	17:            "fail_processor_exception",
}

// RefusalNames are the names of all refusals, for a metric's label.
func RefusalNames() []string { return slices.Clone(refusalNames[:]) }

func (r Refusal) String() string { return refusalNames[r] }

// RefusalOf finds an error type in the list.
func RefusalOf(kind []byte) Refusal {
	for i := int(IllegalAction) + 1; i < len(refusalNames); i++ {
		if refusalNames[i] == string(kind) {
			return Refusal(i)
		}
	}
	return OtherRefusal
}

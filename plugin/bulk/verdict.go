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
	// InFailureStore: Elasticsearch has it, but in the data stream's failure store,
	// since it could not be indexed.
	InFailureStore
	// Deduplicated: an earlier attempt had arrived, or the document to be deleted is missing.
	Deduplicated
	// Retry: another request was faster. The item alone is retried.
	Retry
	// Busy: backpressure, of the shard or of the whole cluster.
	Busy
	// Held: the destination, or a setting, keeps it out. It stays until that is
	// repaired.
	Held
	// Suspect: an error that the table doesn't know. The document is held as
	// innocent, and may be proved guilty.
	Suspect
	// Rejected: Elasticsearch will never take this document.
	Rejected
)

// Judge gives the verdict on an item of action a, and the row of the table of
// faults that it follows, nil where there is none.
func Judge(a Sent, item Item) (Verdict, *Fault) {
	switch status := item.Status; {
	case (status == 200 || status == 201) && string(item.FailureStore) == "used":
		return InFailureStore, nil
	case status == 200 || status == 201:
		return Accepted, nil
	case status == 409 && a.Operation == Create:
		return Deduplicated, nil // by an id of ours, or in a time series data stream by its dimensions and time
	case status == 409 && (a.Operation == Update || a.Operation == Upsert || a.Operation == Delete):
		return Retry, nil // another request changed the document meanwhile
	case status == 404 && a.Operation == Delete && len(item.Type) == 0:
		return Deduplicated, nil // nothing to delete is no error, and has no type
	case status == 404 && a.Operation == Update && len(item.Type) == 0, status == 409:
		return Rejected, nil
	case status == 400 && a.OwnPipeline && bytes.HasPrefix(item.Reason, []byte(missingPipeline)):
		return Rejected, nil // the event names it
	}
	fault := FaultOf(item)
	if fault == nil {
		return Suspect, nil
	}
	return verdictOf[fault.Scope], fault
}

var verdictOf = [...]Verdict{UnknownScope: Suspect, DocumentScope: Rejected, DestinationScope: Held, ClusterScope: Busy, SettingsScope: Held}

const (
	securityException = "security_exception"
	unavailableShards = "unavailable_shards_exception"
)

// RejectionType is a rejection's type from a closed list, so that a metric has a
// bounded number of label values whatever a server says.
type RejectionType uint8

// The rejections that are not an error type of Elasticsearch's.
const (
	// OtherRejection is every type that the list does not hold.
	OtherRejection RejectionType = iota
	// TooLarge: a single document that is larger than a request may be.
	TooLarge
	// InvalidAction: a single item for which the whole request was rejected.
	InvalidAction
)

// RejectionTypes is how many there are.
const RejectionTypes = 18

var rejectionTypeNames = [RejectionTypes]string{
	OtherRejection: "other",
	TooLarge:       "too_large",
	InvalidAction:  "illegal_action",
	3:              "document_parsing_exception",
	4:              "mapper_parsing_exception",
	5:              "strict_dynamic_mapping_exception",
	6:              "illegal_argument_exception",
	7:              "illegal_state_exception",
	8:              "version_conflict_engine_exception",
	9:              "document_missing_exception",
	10:             "index_not_found_exception",
	11:             "index_closed_exception",
	12:             "invalid_index_name_exception",
	13:             "cluster_block_exception",
	14:             "security_exception",
	15:             "routing_missing_exception",
	16:             "script_exception",
	17:             "fail_processor_exception",
}

// RejectionTypeNames are the names of all rejections, for a metric's label.
func RejectionTypeNames() []string { return slices.Clone(rejectionTypeNames[:]) }

func (r RejectionType) String() string { return rejectionTypeNames[r] }

// RejectionTypeOf finds an error type in the list.
func RejectionTypeOf(kind []byte) RejectionType {
	for i := int(InvalidAction) + 1; i < len(rejectionTypeNames); i++ {
		if rejectionTypeNames[i] == string(kind) {
			return RejectionType(i)
		}
	}
	return OtherRejection
}

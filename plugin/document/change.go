package document

// Change is why a key is not in the document as it was in the record.
type Change uint8

// The kinds of changes, which docs/documents.md describes. Elasticsearch
// refuses a document for each of these keys.
const (
	// DuplicateKey: the key came again, and its first value was left out.
	DuplicateKey Change = iota
	// CollidingKey: another key came out the same, and this one was renamed.
	CollidingKey
	// EmptyKey: nothing, or nothing but white space.
	EmptyKey
	// DotsKey: dots with nothing before them.
	DotsKey
	// ReservedKey: one of Elasticsearch's metadata fields.
	ReservedKey
	changes
	unchanged = changes
)

// Changes counts changed keys by kind.
type Changes [changes]int

// Add adds other to c.
func (c *Changes) Add(other Changes) {
	for kind, n := range other {
		c[kind] += n
	}
}

// ChangeNames are the kinds' names for the metric's label, in their order.
func ChangeNames() []string {
	return []string{"duplicate", "collision", "empty", "dots", "reserved"}
}

// Changed returns how many keys were changed since the last call.
func (w *Writer) Changed() Changes {
	counts := w.changed
	w.changed = Changes{}
	return counts
}

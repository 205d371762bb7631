package document

// Change is the reason why a key of the document differs from the record's.
type Change uint8

// The kinds of changes, described in docs/documents.md. Elasticsearch rejects a document with any
// of these keys.
const (
	// DuplicateKey: the key occurred again, and its first value was left out.
	DuplicateKey Change = iota
	// CollidingKey: two different keys became equal in the document, and this one was renamed.
	CollidingKey
	// EmptyKey: the key is empty or white space.
	EmptyKey
	// DotsKey: a part before a dot is empty.
	DotsKey
	// ReservedKey: the key is one of Elasticsearch's metadata fields.
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

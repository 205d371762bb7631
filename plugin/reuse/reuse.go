// Package reuse keeps values that are dear to make for the next who needs one.
// Unlike a sync.Pool it keeps them over a collection: at GOGC 20 collections
// are frequent, and a request's buffer of 2 MB, thrown away by each of them, is
// what makes the next one come (docs/adr/0011).
package reuse

// List keeps a bounded number of values. It is safe for concurrent use.
type List[T any] struct {
	fresh func() T
	kept  chan T
}

// NewList returns a list that keeps up to size values, and makes those that it
// doesn't have with fresh.
func NewList[T any](size int, fresh func() T) *List[T] {
	return &List[T]{fresh: fresh, kept: make(chan T, size)}
}

// Get returns a kept value, or a fresh one. The caller owns it.
func (l *List[T]) Get() T {
	select {
	case value := <-l.kept:
		return value
	default:
		return l.fresh()
	}
}

// Put takes a value back. Where the list is full it goes to the collector.
func (l *List[T]) Put(value T) {
	select {
	case l.kept <- value:
	default:
	}
}

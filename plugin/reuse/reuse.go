// Package reuse is a pool of expensive values. Unlike a sync.Pool it keeps them over a collection:
// at GOGC 20 collections are frequent, and a request's buffer of 2 MB, thrown away by each of them,
// would trigger the next (docs/adr/0011).
package reuse

// List is a pool of bounded size. It is safe for concurrent use.
type List[T any] struct {
	fresh func() T
	kept  chan T
}

// NewList returns a pool that keeps up to size values, and makes missing ones with fresh.
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

// Put returns a value to the pool. A full pool leaves it to the collector.
func (l *List[T]) Put(value T) {
	select {
	case l.kept <- value:
	default:
	}
}

// Package pool keeps expensive values for reuse. Unlike a sync.Pool it keeps them over a
// collection: at GOGC 20 collections are frequent, and a request's buffer of 2 MB, thrown away by
// each of them, would trigger the next (docs/adr/0011).
package pool

// Pool is a pool of bounded size. It is safe for concurrent use.
type Pool[T any] struct {
	create func() T
	idle   chan T
}

// New returns a pool that keeps up to size values, and makes missing ones with create.
func New[T any](size int, create func() T) *Pool[T] {
	return &Pool[T]{create: create, idle: make(chan T, size)}
}

// Get returns a kept value, or a new one. The caller owns it.
func (p *Pool[T]) Get() T {
	select {
	case value := <-p.idle:
		return value
	default:
		return p.create()
	}
}

// Put returns a value to the pool. A full pool leaves it to the collector.
func (p *Pool[T]) Put(value T) {
	select {
	case p.idle <- value:
	default:
	}
}

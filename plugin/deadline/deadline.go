// Package deadline bounds work by a time without a timer. A request that is answered promptly needs
// none: its connection has the deadline. Only waiting for the end of a context needs one.
package deadline

import (
	"context"
	"time"
)

// bounded has a deadline at which nothing happens: only Deadline and Err know of it.
type bounded struct {
	context.Context
	at time.Time
}

func (b *bounded) Deadline() (time.Time, bool) {
	if at, ok := b.Context.Deadline(); ok && at.Before(b.at) {
		return at, true
	}
	return b.at, true
}

func (b *bounded) Err() error {
	if err := b.Context.Err(); err != nil {
		return err
	}
	if at, _ := b.Deadline(); !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return nil
}

// WithTimeout returns a context with a deadline after d, at most that of its parent. Its Done
// channel is the parent's: it is not closed at the deadline. Neither are those of contexts that
// package context derives from it, unless Timed comes between.
func WithTimeout(parent context.Context, d time.Duration) context.Context {
	return &bounded{parent, time.Now().Add(d)}
}

// unbounded hides a deadline that has no timer, so that package context makes one.
type unbounded struct{ context.Context }

func (unbounded) Deadline() (at time.Time, ok bool) { return at, false }

// WithTimer returns a context with a timer: its Done channel is closed at the deadline of ctx.
func WithTimer(ctx context.Context) (context.Context, context.CancelFunc) {
	if at, ok := ctx.Deadline(); ok {
		return context.WithDeadline(unbounded{ctx}, at)
	}
	return context.WithCancel(ctx)
}

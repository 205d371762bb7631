// Package callback marks work that runs on a thread of the host program, inside a call that the
// host made and waits for. Such work may compute and wait for a prompt answer, but must not last:
// the host's log lines of all other goroutines wait for this thread.
package callback

import (
	"context"

	"out_es/plugin/deadline"
	"out_es/plugin/guard"
)

// Thread is a waiting thread of the host.
type Thread interface {
	// Wake signals that Service has something to do.
	Wake() <-chan struct{}
	// Service does the work that only the host's thread may do.
	Service()
}

type threadKey struct{}

// Context returns a context for work on the host's thread.
func Context(parent context.Context, t Thread) context.Context {
	return context.WithValue(parent, threadKey{}, t)
}

// OnThread reports whether ctx belongs to work on the host's thread.
func OnThread(ctx context.Context) bool {
	_, within := ctx.Value(threadKey{}).(Thread)
	return within
}

// Offload runs work that may take long, and returns when it is done. If ctx belongs to the host's
// thread, the work runs on a goroutine, with a context without a thread, while the thread services
// the host. The work's context ends at its deadline, which that of package deadline alone does not.
// A panic of the work becomes one of the caller.
func Offload(ctx context.Context, work func(ctx context.Context)) {
	ctx, cancel := deadline.WithTimer(ctx)
	defer cancel()
	if !OnThread(ctx) {
		work(ctx)
		return
	}
	if problem := Start(ctx, work)(); problem != nil {
		panic(problem)
	}
}

// Start runs work on a goroutine. The function that it returns must be called: it waits until the
// work is done, while the host's thread, if ctx belongs to it, services the host, and returns the
// value of the work's panic, nil where there was none.
func Start(ctx context.Context, work func(ctx context.Context)) (wait func() (problem any)) {
	thread, within := ctx.Value(threadKey{}).(Thread)
	done := make(chan any, 1)
	keep := func(problem any) { done <- problem }
	guard.Go(keep, func() {
		if within {
			ctx = context.WithValue(ctx, threadKey{}, nil)
		}
		work(ctx)
		done <- nil
	})
	return func() any {
		if !within {
			return <-done
		}
		for {
			select {
			case problem := <-done:
				return problem
			case <-thread.Wake():
				thread.Service()
			}
		}
	}
}

package callback_test

import (
	"context"
	"testing"

	"out_es/plugin/callback"
)

// thread counts how often it was serviced.
type thread struct {
	wake     chan struct{}
	serviced chan struct{}
}

func newThread() *thread {
	return &thread{wake: make(chan struct{}, 1), serviced: make(chan struct{}, 100)}
}

func (t *thread) Wake() <-chan struct{} { return t.wake }

func (t *thread) Service() { t.serviced <- struct{}{} }

func TestAThreadIsServicedWhileWorkLasts(t *testing.T) {
	host := newThread()
	ctx := callback.Context(t.Context(), host)
	if !callback.OnThread(ctx) || callback.OnThread(t.Context()) {
		t.Error("what belongs to a thread is not known")
	}
	callback.Offload(ctx, func(inner context.Context) {
		if callback.OnThread(inner) {
			t.Error("the work is taken for the thread's own: it would service it from a goroutine")
		}
		host.wake <- struct{}{}
		<-host.serviced
	})
}

func TestWorkOfAGoroutineRunsInPlace(t *testing.T) {
	ran := false
	callback.Offload(t.Context(), func(context.Context) { ran = true })
	if !ran {
		t.Error("it did not run")
	}
}

func TestAPanicOfTheWorkIsTheCallers(t *testing.T) {
	defer func() {
		if problem := recover(); problem != "fault" {
			t.Errorf("recovered %v", problem)
		}
	}()
	callback.Offload(callback.Context(t.Context(), newThread()), func(context.Context) { panic("fault") })
}

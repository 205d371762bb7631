package deadline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/deadline"
	"out_es/test/support"
)

func TestTheEarlierDeadlineCounts(t *testing.T) {
	outer := deadline.WithTimeout(t.Context(), time.Minute)
	want, _ := outer.Deadline()
	for name, ctx := range map[string]context.Context{"a later one": deadline.WithTimeout(outer, time.Hour), "derived": context.WithValue(outer, t, 1)} {
		if at, ok := ctx.Deadline(); !ok || !at.Equal(want) {
			t.Errorf("%s: %v, %v", name, at, ok)
		}
	}
	if at, _ := deadline.WithTimeout(outer, time.Second).Deadline(); !at.Before(want) {
		t.Errorf("an earlier one: %v", at)
	}
}

func TestErrReportsTheDeadlineAndDoneDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := deadline.WithTimeout(deadline.WithTimeout(t.Context(), time.Second), time.Hour)
		time.Sleep(time.Second - time.Nanosecond)
		if err := ctx.Err(); err != nil {
			t.Errorf("before it: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at it: %v", err)
		}
		select {
		case <-ctx.Done():
			t.Error("something woke up")
		default:
		}
	})
}

func TestATimedContextEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := deadline.WithTimer(context.WithValue(deadline.WithTimeout(t.Context(), time.Second), t, 1))
		defer cancel()
		<-ctx.Done()
		if took := time.Since(began); took != time.Second || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("after %s: %v", took, ctx.Err())
		}
	})
}

// TestAContextOfATimedOneHasATimer would hang if package context took the deadline of the parent
// for one with a timer.
func TestAContextOfATimedOneHasATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timed, cancel := deadline.WithTimer(deadline.WithTimeout(t.Context(), time.Second))
		defer cancel()
		later, cancelLater := context.WithTimeout(timed, time.Hour)
		defer cancelLater()
		<-later.Done()
	})
}

func TestCancellationEndsAllOfThem(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	bounded := deadline.WithTimeout(parent, time.Hour)
	timed, cancelTimed := deadline.WithTimer(bounded)
	defer cancelTimed()
	endless, cancelEndless := deadline.WithTimer(parent)
	defer cancelEndless()
	cancel()
	for name, ctx := range map[string]context.Context{"bounded": bounded, "timed": timed, "without a deadline": endless} {
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("%s: %v", name, ctx.Err())
		}
	}
}

func TestADeadlineCostsOneAllocation(t *testing.T) {
	ctx := t.Context()
	if n := support.Allocations(100, func() { ctx = deadline.WithTimeout(t.Context(), time.Minute) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
	_ = ctx
}

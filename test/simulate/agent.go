// Package simulate runs the plugin's own delivery code, Deliverer and Gate,
// inside a model of Fluent Bit: its flushes, its one worker and its scheduler
// of retries. All of it reads the time from package time, so that in a bubble
// of testing/synctest minutes pass in no time.
//
// Its tests hold the bounds in docs/benchmarks.md and draw the two plots
// there; `go test ./test/simulate -update` draws them anew.
package simulate

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// Agent is one Fluent Bit with one output and `Workers 1`. One goroutine plays
// it, so that a seed decides all that it does.
type Agent struct {
	Deliverer *deliver.Deliverer
	Scheduler Scheduler
	// Started is when Fluent Bit was.
	Started time.Time
	// First is when logs come first, Every how often they do: each time they
	// are a chunk of their own, as those of one tag that Fluent Bit flushes.
	First, Every time.Duration
	// Last is when no more logs come, zero for never.
	Last   time.Time
	Random *rand.Rand
	// Mixed says that every other chunk is for a destination without trouble.
	Mixed bool

	queue queue
	made  int
}

// Flush is one chunk that was handed to the plugin.
type Flush struct {
	At       time.Duration
	Requests int
	// Done says that the chunk was delivered, and not given back.
	Done bool
}

// Run lets the agent work until end. Times in the trace count from zero.
func (a *Agent) Run(ctx context.Context, cluster *Cluster, zero, end time.Time) *Trace {
	trace := &Trace{}
	request := bulk.NewRequest(bulk.Plain)
	heap.Push(&a.queue, a.newChunk(time.Now().Add(a.First)))
	for len(a.queue) > 0 {
		next := heap.Pop(&a.queue).(*chunk)
		time.Sleep(time.Until(next.due))
		at := time.Now()
		if !at.Before(end) {
			break
		}
		if following := next.due.Add(a.Every); next.retries == 0 && (a.Last.IsZero() || following.Before(a.Last)) {
			heap.Push(&a.queue, a.newChunk(following))
		}
		sent := len(cluster.Requests)
		next.behind = false
		err := a.Deliverer.Deliver(ctx, next, request)
		if next.waited = deliver.Waits(err, next.waited); err != nil {
			if a.again(next); a.Mixed && string(next.to) == string(other) {
				trace.Late++
			}
		}
		trace.Flushes = append(trace.Flushes, Flush{At: at.Sub(zero), Requests: len(cluster.Requests) - sent, Done: err == nil})
		trace.Waiting = len(a.queue) - 1 // one is still to be made
		trace.Queued = max(trace.Queued, trace.Waiting)
	}
	return trace
}

// again queues a chunk that was answered with RETRY.
func (a *Agent) again(c *chunk) {
	c.retries++
	c.due = a.Scheduler.Due(a.Started, time.Now(), a.Scheduler.Wait(c.retries, a.Random))
	heap.Push(&a.queue, c)
}

func (a *Agent) newChunk(due time.Time) *chunk {
	a.made++
	to := today
	if a.Mixed && a.made%2 == 0 {
		to = other
	}
	return &chunk{due: due, number: a.made, to: to}
}

// queue orders chunks by when they are due, and those that are due at the same
// moment by age. It implements heap.Interface.
type queue []*chunk

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].number < q[j].number
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*chunk)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

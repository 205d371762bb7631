package simulate

import (
	"bytes"
	"context"
	"errors"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadline"
	"out_es/plugin/deliver"
)

// Kind is an outage as seen by an agent.
type Kind uint8

// The kinds of outage.
const (
	// Refusing: nothing listens.
	Refusing Kind = iota
	// Hanging: requests are taken and never answered.
	Hanging
	// Busy: 503, with a Retry-After of busyPause, as a proxy answers.
	Busy
	// Dated: 503, with a Retry-After that tells all agents when it ends.
	Dated
	// Full: the index of today can't be made for the shard limit.
	Full
	// Throttling: 429 for each item.
	Throttling
)

const (
	// refusal is how long it takes to be refused.
	refusal   = time.Millisecond
	busyPause = 90 * time.Second
)

// Cluster is an Elasticsearch that is away from Zero on for the length of
// Outage. It implements deliver.Sender and deliver.Observer.
type Cluster struct {
	Zero    time.Time
	Outage  time.Duration
	Kind    Kind
	Latency time.Duration
	// Requests are all that came, in order.
	Requests []Request
}

// Request is one bulk request that an agent made.
type Request struct {
	// At is when it began, Took how long it was under way.
	At, Took time.Duration
	Answered bool
}

// Send implements deliver.Sender.
func (c *Cluster) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	at := time.Since(c.Zero)
	switch away := at >= 0 && at < c.Outage; {
	case away && c.Kind >= Full:
		return c.refuse(ctx, at, req, each), nil
	case away:
		failure := c.fail(ctx)
		c.Requests = append(c.Requests, Request{At: at, Took: time.Since(c.Zero) - at})
		return 0, failure
	}
	pause(ctx, c.Latency)
	for range req.Positions() {
		each(bulk.Item{Status: 201})
	}
	c.Requests = append(c.Requests, Request{At: at, Took: time.Since(c.Zero) - at, Answered: true})
	return len(req.Positions()), nil
}

// refuse answers each item with its own failure.
func (c *Cluster) refuse(ctx context.Context, at time.Duration, req *bulk.Request, each func(bulk.Item)) (items int) {
	pause(ctx, c.Latency)
	item := bulk.Item{Status: 201}
	switch body, _ := req.Seal(); {
	case c.Kind == Throttling:
		item = bulk.Item{Status: 429, Type: []byte("es_rejected_execution_exception"), Reason: []byte("rejected execution of primary operation")}
	case bytes.Contains(body, today):
		item = bulk.Item{Status: 400, Type: []byte("validation_exception"), Reason: []byte("Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;")}
	}
	for range req.Positions() {
		each(item)
	}
	c.Requests = append(c.Requests, Request{At: at, Took: time.Since(c.Zero) - at, Answered: item.Status == 201})
	return len(req.Positions())
}

func (c *Cluster) fail(ctx context.Context) *bulk.Failure {
	switch c.Kind {
	case Hanging:
		timed, cancel := deadline.WithTimer(ctx)
		defer cancel()
		<-timed.Done()
		return &bulk.Failure{Class: bulk.Ambiguous, Err: ctx.Err()}
	case Busy:
		pause(ctx, c.Latency)
		return &bulk.Failure{Class: bulk.Unavailable, Status: 503, RetryAfter: busyPause}
	case Dated:
		return &bulk.Failure{Class: bulk.Unavailable, Status: 503, RetryAfter: c.Outage - time.Since(c.Zero)}
	}
	pause(ctx, refusal)
	return &bulk.Failure{Class: bulk.Unreachable, Err: errors.New("connection refused")}
}

// Observe implements deliver.Observer.
func (c *Cluster) Observe(deliver.Attempt) {}

// Held implements deliver.Observer.
func (c *Cluster) Held(deliver.Hold) {}

// Released implements deliver.Observer.
func (c *Cluster) Released(deliver.Hold) {}

// pause sleeps until d is over or ctx is.
func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := deadline.WithTimer(ctx)
	defer cancel()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

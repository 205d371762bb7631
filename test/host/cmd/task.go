package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"out_es/test/host"
)

// endingWait is how long a retry waits once the end has begun.
const endingWait = time.Second

const graceOver = "the grace is over"

// deliver flushes a chunk to one output until it is settled: OK, ERROR, or no further retry.
func (e *engine) deliver(r *route, tag string, chunk *host.Chunk) {
	for retries := 0; ; retries++ {
		code, err := r.output.Flush(context.Background(), tag, chunk.Bytes)
		switch {
		case errors.Is(err, host.ErrGone): // its Exit came first, which waits for all tasks unless the grace is over
			e.settle(r, tag, chunk, dropped, graceOver)
			return
		case err != nil:
			e.breakUp(fmt.Errorf("a chunk of tag %s to %s: %w", tag, r.name, err))
			e.settle(r, tag, chunk, dropped, "the plugin broke")
			return
		case code == host.OK:
			e.settle(r, tag, chunk, ok, "")
			return
		case code == host.ERROR:
			e.settle(r, tag, chunk, failed, "the plugin answered ERROR")
			return
		case r.retryLimit != unlimited && retries >= r.retryLimit:
			e.settle(r, tag, chunk, dropped, fmt.Sprintf("Retry_Limit %d is reached", r.retryLimit))
			return
		}
		if why := e.wait(retries + 1); why != "" {
			e.settle(r, tag, chunk, dropped, why)
			return
		}
		e.counts.add(tag, retried, chunk.Events)
	}
}

// settle counts a chunk for the last time, and logs the reason if it was lost.
func (e *engine) settle(r *route, tag string, chunk *host.Chunk, as column, why string) {
	e.counts.add(tag, as, chunk.Events)
	if why != "" {
		fmt.Fprintf(e.stderr, "host: error: a chunk of tag %s (%d records) to %s is lost: %s\n", tag, chunk.Events, r.name, why)
	}
}

// wait waits before a retry: from retryBase to retryBase × 2^retry (at most retryCap), evenly
// spread, and a second, as Fluent Bit's scheduler does; no longer than longestWait; and a second
// once the end has begun. It returns the reason if there must be no retry.
func (e *engine) wait(retry int) string {
	most := min(e.retryCap, e.retryBase<<min(retry, 20))
	wait := e.retryBase + rand.N(max(most-e.retryBase, 0)+1) + time.Second
	if e.longestWait > 0 {
		wait = min(wait, e.longestWait)
	}
	ending := e.ending
	for timer := time.NewTimer(wait); ; {
		select {
		case <-timer.C:
			return ""
		case <-ending:
			ending = nil
			timer.Reset(min(wait, endingWait))
		case <-e.over:
			return graceOver
		case <-e.broken.Done():
			return "the plugin broke"
		}
	}
}

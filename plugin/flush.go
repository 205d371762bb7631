package plugin

import (
	"errors"
	"fmt"
	"sync"

	"out_es/plugin/deliver"
	"out_es/plugin/drain"
	"out_es/plugin/fluentbit"
	"out_es/plugin/guard"
	"out_es/plugin/source"
)

// Outcome is the answer to Fluent Bit about a chunk, with its own numbers (fluent-bit-go's
// output.FLB_ERROR, FLB_OK, FLB_RETRY).
type Outcome int

// The outcomes.
const (
	// Error: the chunk is given up.
	Error Outcome = 0
	// OK: every record of the chunk is accounted for.
	OK Outcome = 1
	// Retry: Fluent Bit re-delivers the whole chunk.
	Retry Outcome = 2
)

// Flush delivers one chunk. data is borrowed until Flush returns. It must be called on one of
// Fluent Bit's threads, which does the work itself: the goroutine of a callback has a stack of its
// own. What may last is done on a goroutine, while the thread passes log lines on (package
// callback). With a spool nothing does: a flush is one append.
func (p *Plugin) Flush(tag string, data []byte) Outcome {
	if p.drain != nil {
		return p.spool(tag, data)
	}
	p.warnOfEngine()
	outcome := p.flushSafely(tag, data)
	p.host.Service()
	return outcome
}

// spool is Flush with a spool, which publishes the metrics itself.
func (p *Plugin) spool(tag string, data []byte) (outcome Outcome) {
	outcome = Retry
	guard.Run(p.fault, func() { outcome = p.enqueue(tag, data) })
	guard.Run(p.fault, p.host.PrintLines)
	return outcome
}

// warnOfEngine says once that flushes hold up all of Fluent Bit.
func (p *Plugin) warnOfEngine() {
	p.engine.Do(func() {
		if p.host.OnEngineThread() {
			p.host.Log(fluentbit.Warn, "Workers is not set: while a request is under way, all inputs and outputs of this Fluent Bit wait; set \"Workers 1\"")
		}
	})
}

// flush delivers a chunk to Elasticsearch.
func (p *Plugin) flush(tag string, data []byte) (outcome Outcome) {
	digest := sync.OnceValue(func() deliver.Digest { return deliver.DigestOf(tag, data) })
	src := p.sources.Get()
	src.Open(tag, data, digest)
	panics := p.settled.Recall(digest, src.Settled())
	since := p.waiting.Take(digest)
	src.HeldSince(since)
	defer func() {
		if problem := recover(); problem != nil {
			outcome = p.panicked(problem, digest, src, panics)
			return // src may be in any state: it doesn't go back to the pool
		}
		src.Release()
		p.sources.Put(src)
	}()
	err := p.deliverer.Deliver(p.onThread, src, src.Request())
	switch {
	case err != nil:
	case src.Kept():
		err = errKept
	case src.Account().Ended() < src.Account().Received:
		p.fault(errUnended)
		err = errUnended
	}
	if err != nil {
		src.CountReturned()
	}
	if err != nil && src.Account().Returned > 0 { // Hold_Limit may have ended all that was left
		p.settled.Remember(digest, src.Settled(), panics)
		outcome = Retry
		account := src.Account()
		if deliver.Waits(err, !since.IsZero()) {
			p.waiting.Add(digest, since, account.Returned)
		}
		p.host.Log(fluentbit.Debug, "chunk of tag %s goes back to Fluent Bit with %d of %d records left: %v", tag, account.Returned, account.Received, err)
	} else if outcome = OK; src.OnlyMalformed() {
		outcome = Error
	}
	p.report.HeldRecords(p.waiting.Documents())
	p.report.Count(src.Account())
	return outcome
}

// errKept is why a chunk goes back though nothing of it is left to be sent.
var errKept = fmt.Errorf("%w: On_Rejection keeps records that can't be sent", deliver.ErrLeft)

// errUnended is why a chunk goes back though its delivery is done: OK would lose what has no end.
var errUnended = fmt.Errorf("%w: some records have neither arrived nor been rejected", deliver.ErrLeft)

// panicked deals with a fault of this plugin's: the chunk comes again once,
// then it is given up, so that it can't go round forever.
func (p *Plugin) panicked(problem any, digest func() deliver.Digest, src *source.Source, panics int) Outcome {
	p.fault(problem)
	if panics == 0 {
		p.tally(src, Retry)
		p.settled.Remember(digest, src.Settled(), 1)
		return Retry
	}
	p.host.Log(fluentbit.Error, "the chunk made the plugin fail twice and is dropped")
	p.tally(src, Error)
	return Error
}

// tally accounts for a chunk that made the plugin fail, as far as counting its
// records doesn't.
func (p *Plugin) tally(src *source.Source, outcome Outcome) {
	defer func() { _ = recover() }() // the fault is logged already
	src.CountReturned()
	account := src.Account()
	if outcome == Error {
		account.Malformed += account.Returned
		account.Returned = 0
	}
	p.report.Count(account)
}

// enqueue is flush with a spool: it ends when the chunk is safe.
func (p *Plugin) enqueue(tag string, data []byte) Outcome {
	switch err := p.drain.Enqueue(tag, data); {
	case err == nil:
		return OK
	case errors.Is(err, drain.ErrNoEvents):
		return Error
	default:
		return Retry
	}
}

// flushSafely is flush without the panics of its own error handling.
func (p *Plugin) flushSafely(tag string, data []byte) (outcome Outcome) {
	defer heap.used()
	defer func() {
		if problem := recover(); problem != nil {
			p.fault(problem)
			outcome = Retry
		}
	}()
	return p.flush(tag, data)
}

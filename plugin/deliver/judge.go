package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadline"
)

// result is the verdict on one item, with the rejection's place in
// run.rejections. Four bytes an item, since a request can have 100,000.
type result struct {
	verdict   bulk.Verdict
	rejection uint8
	tally     uint8
}

// maxRejections bounds the different errors of one answer: of documents, and as many of all else,
// since an index must not be held under a document's error. Those beyond count with one of their
// own kind.
const maxRejections = 64

// flight is one request under way, and its answer.
type flight struct {
	req        *bulk.Request
	results    []result
	rejections []Rejection
	reasons    reasons
	whole      []byte // the reason of the item that is being judged, with its cause
	failed     *bulk.Failure
	took       time.Duration
	// sent has the action's part for each item. It is empty if the source can be asked instead,
	// because no other request is being filled.
	sent []bulk.Sent
}

// sentFor is the action's part for an item, by its number in the request.
func (r *run) sentFor(f *flight, item int) bulk.Sent {
	if len(f.sent) > 0 {
		return f.sent[item]
	}
	return r.src.Sent(int(f.req.Positions()[item]))
}

// send posts the request and judges every item of the answer. It settles
// nothing yet: an answer with the wrong number of items says nothing about
// which item is which.
func (r *run) send(ctx context.Context) *bulk.Failure {
	r.sent = r.sent[:0]
	r.post(ctx, r.flight)
	return r.conclude()
}

// post sends a request and notes a verdict on every item of the answer. Several
// may be under way at a time: it changes nothing but f.
func (r *run) post(ctx context.Context, f *flight) {
	f.results, f.rejections = f.results[:0], f.rejections[:0]
	f.reasons.reset()
	n := len(f.req.Positions())
	requestCtx := deadline.WithTimeout(ctx, r.policy.RequestTimeout)
	began := time.Now()
	items, failure := r.sender.Send(requestCtx, f.req, func(item bulk.Item) {
		if len(f.results) < n {
			f.judge(r.sentFor(f, len(f.results)), item, r.policy.Reasons)
		}
	})
	if wrong := items > n || failure == nil && items < n; wrong {
		f.results = f.results[:0]
		failure = &bulk.Failure{Class: bulk.Ambiguous, Status: 200,
			Err: fmt.Errorf("the answer has %d items for the %d that were sent", items, n)}
	}
	f.took = time.Since(began)
	if failure != nil && r.canceled(ctx, f.took) {
		failure.Class = bulk.Canceled
	}
	f.failed = failure
}

// conclude looks at the answer as a whole, and tells the observer.
func (r *run) conclude() *bulk.Failure {
	failure, throttled := r.failed, false
	if failure == nil {
		failure, throttled = r.weigh()
	}
	r.observer.Observe(Attempt{Failure: failure, Throttled: throttled, Bytes: r.req.Sent(), Items: len(r.req.Positions()), Took: r.took, Repeat: r.repeat})
	return failure
}

// judge notes the verdict on the next item.
func (f *flight) judge(a bulk.Sent, item bulk.Item, keep Reasons) {
	verdict, fault := bulk.Judge(a, item)
	res := result{verdict: verdict, tally: noTally}
	switch verdict {
	case bulk.Accepted, bulk.InFailureStore, bulk.Deduplicated:
	case bulk.Unknown, bulk.Retry, bulk.Busy, bulk.Held, bulk.Suspect, bulk.Rejected:
		f.whole = bulk.AppendReason(f.whole[:0], item)
		res.rejection = f.note(item, fault, verdict == bulk.Rejected)
		if res.verdict == bulk.Rejected && keep == EachReason {
			f.reasons.add(len(f.results), f.whole)
		}
	}
	f.results = append(f.results, res)
}

// note stores the error of an item, once for all items with the same error except for quotations of
// their documents. f.whole is the item's reason with its cause, document says that the fault is the
// document's.
func (f *flight) note(item bulk.Item, fault *bulk.Fault, document bool) uint8 {
	if last := len(f.rejections) - 1; last >= 0 && f.rejections[last].matches(item) && f.rejections[last].FullReason == string(f.whole) {
		return uint8(last) // a thousand items that are throttled cost nothing each
	}
	reason := bulk.RedactedReason(item)
	kind, nearest, typed := 0, 0, false // errors of this kind; the last of them, of its type if any is
	for i := range f.rejections {
		known := &f.rejections[i]
		matches := known.matches(item)
		if matches && known.Reason == reason {
			return uint8(i)
		}
		if (known.Scope == bulk.DocumentScope) != document {
			continue
		}
		if kind++; matches || !typed {
			nearest, typed = i, matches
		}
	}
	if kind == maxRejections {
		return uint8(nearest)
	}
	why := Rejection{Type: bulk.RejectionTypeOf(item.Type), Error: string(item.Type), Reason: reason, FullReason: string(f.whole), Status: item.Status}
	if fault != nil {
		why.Scope, why.Remedy, why.Waited = fault.Scope, fault.Remedy, fault.Waited
	}
	if document {
		why.Scope = bulk.DocumentScope
	}
	f.rejections = append(f.rejections, why)
	return uint8(len(f.rejections) - 1)
}

func (r *Rejection) matches(item bulk.Item) bool {
	return r.Status == item.Status && r.Error == string(item.Type)
}

// canceled reports whether a request was cut off because the delivery's time
// was up, and not the server's: FlushLimit leaves a request that has had most
// of Request_Timeout to the server.
func (r *run) canceled(ctx context.Context, took time.Duration) bool {
	return r.parent.Err() != nil || ctx.Err() != nil && took < r.policy.RequestTimeout/2
}

// leftovers are the items of an answer that are not settled.
type leftovers struct {
	total int
	// later are those for which another attempt soon makes sense.
	later int
	// redirected are those for which something else is sent now.
	redirected int
	// settled are the others.
	settled int
	reason  error
}

// add adds those of another answer.
func (l *leftovers) add(other leftovers) {
	l.total += other.total
	l.later += other.later
	l.redirected += other.redirected
	l.settled += other.settled
	if _, known := errors.AsType[*Held](l.reason); l.reason == nil || !known && other.reason != nil {
		l.reason = other.reason
	}
}

var errUnanswered = errors.New("the answer has no result for some items")

// settle applies the verdicts and returns the rest.
func (r *run) settle() leftovers {
	var left leftovers
	r.count()
	for i, position := range r.req.Positions() {
		res := result{tally: noTally}
		if i < len(r.results) {
			res = r.results[i]
		}
		if res.verdict == bulk.Suspect && r.guilty(i, int(position)) {
			res.verdict = bulk.Rejected
		}
		switch res.verdict {
		case bulk.Accepted, bulk.InFailureStore, bulk.Deduplicated:
			r.src.Settle(int(position), res.verdict)
			left.settled++
		case bulk.Rejected:
			why := r.rejections[res.rejection]
			why.FullReason = r.reasons.of(i, why.FullReason)
			switch r.src.Reject(int(position), why) {
			case Done:
				left.settled++
			case DeadLettered:
				r.deadLettered()
				left.settled++
				left.total++
				left.redirected++
			case Kept:
				left.stay(why.err())
			}
		case bulk.Held, bulk.Busy, bulk.Suspect:
			r.keep(&left, res)
		case bulk.Retry:
			left.again(r.rejections[res.rejection].err())
		case bulk.Unknown:
			left.again(errUnanswered)
		}
	}
	if left.settled > 0 {
		r.moved()
	}
	return left
}

// keep adds an item that stays until the next attempt, or until the next probe of a held
// destination.
func (r *run) keep(left *leftovers, res result) {
	why := r.rejections[res.rejection]
	if res.tally != noTally && r.tallies[res.tally].held != nil {
		left.hold(r.tallies[res.tally].held)
		return
	}
	if res.tally != noTally && res.verdict == bulk.Suspect && r.tallies[res.tally].fresh == 0 {
		left.stay(why.err()) // its destination takes others: nothing is to be learned soon
		return
	}
	left.again(why.err())
}

// again adds an item that another attempt soon may settle.
func (l *leftovers) again(why error) {
	l.total++
	l.later++
	if l.reason == nil {
		l.reason = why
	}
}

// stay adds an item that another attempt soon will not settle.
func (l *leftovers) stay(why error) {
	l.total++
	if l.reason == nil {
		l.reason = why
	}
}

// hold adds an item with a held destination. As a reason it precedes all others, since an operator
// may have to act on it.
func (l *leftovers) hold(why *Held) {
	l.total++
	if _, known := errors.AsType[*Held](l.reason); !known {
		l.reason = why
	}
}

func (r *Rejection) err() error {
	if r.Error == "" {
		return fmt.Errorf("item status %d: %s", r.Status, r.Reason)
	}
	return fmt.Errorf("item status %d, %s: %s", r.Status, r.Error, r.Reason)
}

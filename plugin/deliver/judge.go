package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"out_es/plugin/bulk"
)

// result is the verdict on one item, with the refusal's place in
// run.refusals. Four bytes an item, since a request can have 100,000.
type result struct {
	verdict bulk.Verdict
	refusal uint8
}

// maxRefusals is how many different refusals of one answer are told apart;
// those beyond are counted with the last.
const maxRefusals = 64

// send posts the request and judges every item of the answer. It settles
// nothing yet: an answer with the wrong number of items says nothing about
// which item is which.
func (r *run) send(ctx context.Context) *bulk.Failure {
	r.results, r.refusals = r.results[:0], r.refusals[:0]
	r.reasons.reset()
	positions := r.req.Positions()
	requestCtx, cancel := context.WithTimeout(ctx, r.policy.RequestTimeout)
	defer cancel()
	began := time.Now()
	items, failure := r.sender.Send(requestCtx, r.req, func(item bulk.Item) {
		if n := len(r.results); n < len(positions) {
			r.judge(r.src.Sent(int(positions[n])), item)
		}
	})
	if wrong := items > len(positions) || failure == nil && items < len(positions); wrong {
		r.results = r.results[:0]
		failure = &bulk.Failure{Class: bulk.Ambiguous, Status: 200,
			Err: fmt.Errorf("the answer has %d items for the %d that were sent", items, len(positions))}
	}
	if failure != nil && ctx.Err() != nil {
		failure.Class = bulk.Canceled
	}
	r.observer.Observe(Attempt{Failure: failure, Bytes: r.req.Sent(), Items: len(positions), Took: time.Since(began), Repeat: r.repeat})
	return failure
}

// judge notes the verdict on the next item.
func (r *run) judge(a bulk.Sent, item bulk.Item) {
	res := result{verdict: bulk.Judge(a, item)}
	switch res.verdict {
	case bulk.Accepted, bulk.Diverted, bulk.AlreadyThere:
	case bulk.Unknown, bulk.Again, bulk.Blocked, bulk.Misconfigured, bulk.Refused:
		res.refusal = r.note(item)
		if res.verdict == bulk.Refused && r.policy.Reasons == EachReason {
			r.reasons.add(len(r.results), item.Reason)
		}
	}
	r.results = append(r.results, res)
}

// note keeps what an item's answer says, once for all items that say the same
// but for what they quote of their documents.
func (r *run) note(item bulk.Item) uint8 {
	if last := len(r.refusals) - 1; last >= 0 && r.refusals[last].says(item) && r.refusals[last].FullReason == string(item.Reason) {
		return uint8(last) // a thousand items that are throttled cost nothing each
	}
	reason := bulk.RedactOf(string(item.Type), string(item.Reason))
	for i, known := range r.refusals {
		if known.says(item) && known.Reason == reason {
			return uint8(i)
		}
	}
	if len(r.refusals) == maxRefusals {
		return maxRefusals - 1
	}
	r.refusals = append(r.refusals, Refusal{
		Type: bulk.RefusalOf(item.Type), Error: string(item.Type), Reason: reason, FullReason: string(item.Reason), Status: item.Status,
	})
	return uint8(len(r.refusals) - 1)
}

func (r *Refusal) says(item bulk.Item) bool {
	return r.Status == item.Status && r.Error == string(item.Type)
}

// leftovers are the items of an answer that are not settled.
type leftovers struct {
	total int
	// later are those for which another attempt soon makes sense.
	later int
	// redirected are those for which something else is sent now.
	redirected int
	reason     error
}

var errUnanswered = errors.New("the answer has no verdict on some items")

// settle applies the verdicts and returns what is left.
func (r *run) settle() leftovers {
	var left leftovers
	settled, blocked := 0, 0
	for i, position := range r.req.Positions() {
		verdict := bulk.Unknown
		if i < len(r.results) {
			verdict = r.results[i].verdict
		}
		if verdict == bulk.Blocked {
			blocked++
			if r.blocked+1 >= blockedTries {
				verdict = bulk.Refused
			}
		}
		switch verdict {
		case bulk.Accepted, bulk.Diverted, bulk.AlreadyThere:
			r.src.Settle(int(position), verdict)
			settled++
		case bulk.Refused:
			why := r.refusals[r.results[i].refusal]
			why.FullReason = r.reasons.of(i, why.FullReason)
			switch r.src.Refuse(int(position), why) {
			case Done:
				settled++
			case Redirected:
				settled++
				left.total++
				left.redirected++
			case Kept:
				left.kept(why)
			}
		case bulk.Misconfigured:
			left.misconfigured(r.refusals[r.results[i].refusal])
		case bulk.Again, bulk.Blocked:
			left.again(r.refusals[r.results[i].refusal].err())
		case bulk.Unknown:
			left.again(errUnanswered)
		}
	}
	if settled > 0 {
		r.moved()
		if left.total > 0 {
			r.src.Keep()
		}
	}
	if blocked > 0 {
		r.blocked++
	}
	return left
}

// again adds an item that another attempt soon may settle.
func (l *leftovers) again(why error) {
	l.total++
	l.later++
	if l.reason == nil {
		l.reason = why
	}
}

// kept adds an item that was refused and is kept all the same.
func (l *leftovers) kept(why Refusal) {
	l.total++
	if l.reason == nil {
		l.reason = why.err()
	}
}

// misconfigured adds an item that settings keep out. As a reason it goes
// before all others, since somebody must do something about it.
func (l *leftovers) misconfigured(why Refusal) {
	l.total++
	if _, known := errors.AsType[*Misconfiguration](l.reason); !known {
		l.reason = &Misconfiguration{why}
	}
}

// Misconfiguration is why items are left that Elasticsearch keeps out for the
// sake of its settings, or this plugin's, not of the documents.
type Misconfiguration struct{ Refusal }

func (m *Misconfiguration) Error() string { return m.err().Error() }

func (r *Refusal) err() error {
	if r.Error == "" {
		return fmt.Errorf("item status %d: %s", r.Status, r.Reason)
	}
	return fmt.Errorf("item status %d, %s: %s", r.Status, r.Error, r.Reason)
}

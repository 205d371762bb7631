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
	tally   uint8
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
	took := time.Since(began)
	if failure != nil && r.canceled(ctx, took) {
		failure.Class = bulk.Canceled
	}
	throttled := false
	if failure == nil {
		failure, throttled = r.weigh()
	}
	r.observer.Observe(Attempt{Failure: failure, Throttled: throttled, Bytes: r.req.Sent(), Items: len(positions), Took: took, Repeat: r.repeat})
	return failure
}

// judge notes the verdict on the next item.
func (r *run) judge(a bulk.Sent, item bulk.Item) {
	verdict, fault := bulk.Judge(a, item)
	res := result{verdict: verdict, tally: noTally}
	switch verdict {
	case bulk.Accepted, bulk.Diverted, bulk.AlreadyThere:
	case bulk.Unknown, bulk.Again, bulk.Busy, bulk.Held, bulk.Suspect, bulk.Refused:
		res.refusal = r.note(item, fault)
		if res.verdict == bulk.Refused && r.policy.Reasons == EachReason {
			r.reasons.add(len(r.results), item.Reason)
		}
	}
	r.results = append(r.results, res)
}

// note keeps what an item's answer says, once for all items that say the same
// but for what they quote of their documents.
func (r *run) note(item bulk.Item, fault *bulk.Fault) uint8 {
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
	why := Refusal{Type: bulk.RefusalOf(item.Type), Error: string(item.Type), Reason: reason, FullReason: string(item.Reason), Status: item.Status}
	if fault != nil {
		why.Scope, why.Remedy, why.Waited = fault.Scope, fault.Remedy, fault.Waited
	}
	r.refusals = append(r.refusals, why)
	return uint8(len(r.refusals) - 1)
}

func (r *Refusal) says(item bulk.Item) bool {
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
	reason     error
}

var errUnanswered = errors.New("the answer has no verdict on some items")

// settle applies the verdicts and returns what is left.
func (r *run) settle() leftovers {
	var left leftovers
	settled := 0
	r.count()
	for i, position := range r.req.Positions() {
		res := result{tally: noTally}
		if i < len(r.results) {
			res = r.results[i]
		}
		if res.verdict == bulk.Suspect && r.guilty(i, int(position)) {
			res.verdict = bulk.Refused
		}
		switch res.verdict {
		case bulk.Accepted, bulk.Diverted, bulk.AlreadyThere:
			r.src.Settle(int(position), res.verdict)
			settled++
		case bulk.Refused:
			why := r.refusals[res.refusal]
			why.FullReason = r.reasons.of(i, why.FullReason)
			switch r.src.Refuse(int(position), why) {
			case Done:
				settled++
			case Redirected:
				settled++
				left.total++
				left.redirected++
			case Kept:
				left.stay(why.err())
			}
		case bulk.Held, bulk.Busy, bulk.Suspect:
			r.keep(&left, res)
		case bulk.Again:
			left.again(r.refusals[res.refusal].err())
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
	return left
}

// keep adds an item that stays: until its destination is tried again where that
// is held, else until the next attempt.
func (r *run) keep(left *leftovers, res result) {
	why := r.refusals[res.refusal]
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

// hold adds an item whose destination is held. As a reason it goes before all
// others, since somebody may have to do something about it.
func (l *leftovers) hold(why *Held) {
	l.total++
	if _, known := errors.AsType[*Held](l.reason); !known {
		l.reason = why
	}
}

func (r *Refusal) err() error {
	if r.Error == "" {
		return fmt.Errorf("item status %d: %s", r.Status, r.Reason)
	}
	return fmt.Errorf("item status %d, %s: %s", r.Status, r.Error, r.Reason)
}

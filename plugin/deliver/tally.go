package deliver

import (
	"time"

	"out_es/plugin/bulk"
)

const (
	// maxTallies is how many destinations of one answer are told apart. The
	// items of those beyond are retried with the others.
	maxTallies = 64
	noTally    = maxTallies
	// othersWithin is how recently another destination must have accepted
	// something for backpressure to be one destination's own.
	othersWithin = 30 * time.Second
)

// tally is one answer's result for one destination.
type tally struct {
	name string
	// accepted are items that it has now; rejected are items at fault themselves. Both show that it
	// can be written.
	accepted, rejected int
	// busy, blocked and suspect are items that stay, by verdict. fresh are those
	// of suspect that had no strike before.
	busy, blocked, suspect, fresh int
	why                           uint8 // the rejection of the first that stays; blocked ones go first
	held                          *Held // set where the destination is held now
}

// count collects the answer's results by destination, and opens and closes their gates. While
// nothing is held and nothing fails it costs nothing an item.
func (r *run) count() {
	r.tallies = r.tallies[:0]
	accepted, stays := r.survey()
	if accepted {
		r.pace.sent(r.req.Size())
		r.holds.delivered.Add(1)
		r.holds.row.Store(0)
	}
	if accepted && r.holds.any() {
		r.unhold(everything) // no setting holds every request any more
	}
	if !stays && !r.holds.any() {
		if accepted && len(r.results) > 0 {
			r.holds.accepted(r.src.Destination(int(r.req.Positions()[0])))
		}
		return
	}
	last := noTally
	for i := range r.results {
		position := int(r.req.Positions()[i])
		last = r.tallyOf(r.src.Destination(position), last)
		r.results[i].tally = uint8(last)
		if last != noTally {
			r.add(&r.tallies[last], &r.results[i], position)
		}
	}
	for i := range r.tallies {
		r.decide(&r.tallies[i])
	}
}

// survey reports whether the answer accepted anything, and whether anything of
// it stays because of its destination.
func (r *run) survey() (accepted, stays bool) {
	for i := range r.results {
		switch r.results[i].verdict {
		case bulk.Accepted, bulk.InFailureStore, bulk.Deduplicated:
			accepted = true
		case bulk.Busy, bulk.Held, bulk.Suspect:
			stays = true
		case bulk.Unknown, bulk.Retry, bulk.Rejected:
		}
	}
	return accepted, stays
}

// tallyOf finds or makes the place of a destination, most likely last.
func (r *run) tallyOf(name []byte, last int) int {
	if last != noTally && r.tallies[last].name == string(name) {
		return last
	}
	for i := range r.tallies {
		if r.tallies[i].name == string(name) {
			return i
		}
	}
	if len(r.tallies) == maxTallies {
		return noTally
	}
	r.tallies = append(r.tallies, tally{name: string(name)})
	return len(r.tallies) - 1
}

func (r *run) add(t *tally, res *result, position int) {
	first := t.busy+t.blocked+t.suspect == 0
	switch res.verdict {
	case bulk.Accepted, bulk.InFailureStore, bulk.Deduplicated:
		t.accepted++
		if r.holds.suspected.Load() > 0 {
			r.holds.acquit(r.src.Identity(position))
		}
		return
	case bulk.Held:
		first = first || t.blocked == 0
		t.blocked++
	case bulk.Busy:
		t.busy++
	case bulk.Suspect:
		t.suspect++
		if !r.holds.suspicious(r.src.Identity(position)) {
			t.fresh++
		}
	case bulk.Rejected:
		t.rejected++
		return
	case bulk.Unknown, bulk.Retry:
		return
	}
	if first {
		t.why = res.rejection
	}
}

// decide closes or opens a destination's gate:
//
//	something is blocked                     closed
//	nothing but backpressure, others accept  closed
//	nothing but unknown errors               closed, unless all of them are under suspicion already
//	anything accepted or rejected            open
func (r *run) decide(t *tally) {
	shown := t.accepted+t.rejected > 0
	if t.accepted > 0 {
		r.holds.accepted([]byte(t.name))
	}
	if t.suspect > 0 {
		r.holds.track(t.name)
	}
	probed := r.admission.probing && r.claimed && r.admission.only == t.name
	switch {
	case t.blocked > 0,
		!shown && t.busy > 0 && r.failure == nil,
		!shown && t.suspect > 0 && (t.fresh > 0 || probed):
		r.shut(t)
	case shown && t.busy == 0 && probed:
		r.claimed = false
		r.unhold(t.name)
	case shown && probed:
		r.holds.unclaim(t.name)
		r.claimed = false
	}
}

// shut closes a destination's gate.
func (r *run) shut(t *tally) {
	why := r.rejections[t.why]
	if why.Scope == bulk.UnknownScope && why.Remedy == "" {
		why.Remedy = remedyUnknown
	}
	held, ok := r.holds.close(t.name, why)
	if !ok {
		return // no place in the table: sent with every request
	}
	t.held = &Held{held}
	if r.admission.only == t.name {
		r.claimed = false
	}
	r.admission.turnAway(t.name)
	r.observer.Held(held)
}

const remedyUnknown = "this error is unknown to the plugin: its documents are held until the index accepts them; Hold_Limit ends that"

// unhold opens a destination's gate.
func (r *run) unhold(name string) {
	if was, held := r.holds.open(name); held {
		r.observer.Released(was)
	}
}

// guilty reports whether a suspect document has had all its strikes.
func (r *run) guilty(i, position int) bool {
	t := r.results[i].tally
	if t == noTally {
		return false
	}
	return r.holds.strike(r.src.Identity(position), r.tallies[t].name, r.rejections[r.results[i].rejection].Status, r.tallies[t].accepted > 0)
}

// weigh looks at an answer that is complete. One that is (nearly) all
// backpressure is a failure of the request: Elasticsearch throttles item by
// item more often than by request. Where other destinations accept meanwhile,
// it is the destination's own.
func (r *run) weigh() (failure *bulk.Failure, throttled bool) {
	busy, first, accepted := 0, -1, false
	for i := range r.results {
		switch r.results[i].verdict {
		case bulk.Busy:
			busy++
			if first < 0 {
				first = i
			}
		case bulk.Accepted, bulk.InFailureStore, bulk.Deduplicated:
			accepted = true
		case bulk.Unknown, bulk.Retry, bulk.Held, bulk.Suspect, bulk.Rejected:
		}
	}
	if busy > 0 {
		r.window.narrow()
	}
	if busy == 0 || busy*10 < len(r.results)*9 {
		return nil, false
	}
	if !accepted {
		row := r.holds.row.Add(1)
		if r.admission.probing || row < 2 && r.alone() {
			return nil, true
		}
	}
	why := &r.rejections[r.results[first].rejection]
	failure = &bulk.Failure{Class: bulk.Throttled, Status: why.Status, Type: why.Error, Reason: why.FullReason, Remedy: why.Remedy}
	if why.Status != 429 {
		failure.Class = bulk.Unavailable
	}
	return failure, true
}

// alone reports whether the request had one destination, and others accept.
func (r *run) alone() bool {
	positions := r.req.Positions()
	name := r.src.Destination(int(positions[0]))
	if !r.holds.othersAccept(name, othersWithin) {
		return false
	}
	one := string(name)
	for _, position := range positions {
		if string(r.src.Destination(int(position))) != one {
			return false
		}
	}
	return true
}

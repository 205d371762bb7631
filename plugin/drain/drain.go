// Package drain is an instance's spool: flushes append their chunks to it, a sender delivers them,
// oldest first, and a retrier delivers those that failed in their turn.
//
// docs/spool.md draws the senders' states.
package drain

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"out_es/plugin/deliver"
	"out_es/plugin/guard"
	"out_es/plugin/report"
	"out_es/plugin/source"
	"out_es/plugin/spool"
)

const (
	// laterFolder has the queues of chunks that can't be delivered now, inside the instance's own
	// folder.
	laterFolder = "later"
	// formerFolder had them before there was one for each destination.
	formerFolder = "parked"
	// publishAfter is how late metrics may be: each series costs a call of C, which
	// a flush does not wait for.
	publishAfter = time.Second
	// abandonedAfter is the time after its start at which an instance looks for unused spools: by
	// then all instances of this Fluent Bit have started.
	abandonedAfter = 5 * time.Second
)

// Options say where the spool is and when it is sent.
type Options struct {
	// Dir is the instance's folder. Others lie beside it.
	Dir string
	// Limit is how many bytes the spool may have.
	Limit int64
	Sync  spool.Sync
	// HeldShare is how many hundredths of Limit may wait for one destination.
	HeldShare int
	// Linger is how long a chunk waits for others to fill a request.
	Linger time.Duration
	Policy deliver.Policy
}

// Dependencies are the other parts of the plugin that a drain needs.
type Dependencies struct {
	Sources   *source.Shared
	Deliverer *deliver.Deliverer
	Report    *report.Reporter
	// Worked is called after each delivery, Fault with the value of a panic.
	Worked func()
	Fault  func(problem any)
}

// Drain is a spool and its senders. It is safe for concurrent use.
type Drain struct {
	*worker
	limit int64
	share int
	fresh *spool.Spool
	// sender delivers fresh, retrier the queues of later.
	sender  *sender
	retrier *retrier
	look    *time.Timer
	// full are the destinations that have their share of the spool, nil for none.
	full atomic.Pointer[map[string]bool]

	// soon says that the metrics will be published.
	soon atomic.Bool

	mu      sync.Mutex
	sources *source.Shared
	scratch *source.Scratch // for looking at chunks while full is set
}

// Open opens the spool and starts its sender.
//
// Possible errors: those of spool.Open.
func Open(o Options, u Dependencies) (*Drain, error) {
	d, err := open(o, u)
	if err != nil {
		return nil, err
	}
	d.begin()
	return d, nil
}

// begin starts the senders.
func (d *Drain) begin() {
	guard.Go(d.fault, d.sender.run)
	guard.Go(d.fault, d.retrier.run)
}

// open is Open without a start of the senders.
func open(o Options, u Dependencies) (*Drain, error) {
	options := spool.Options{Limit: o.Limit, Sync: o.Sync, Root: filepath.Dir(o.Dir)}
	fresh, err := spool.Open(o.Dir, options)
	if err != nil {
		return nil, err
	}
	place := filepath.Join(o.Dir, laterFolder)
	_ = spool.Adopt(filepath.Join(o.Dir, formerFolder), place) // else the next start does
	later, err := spool.OpenParkedQueues(place, options)
	if err != nil {
		_ = fresh.Close()
		return nil, err
	}
	states := u.Report.Spool(o.Limit)
	w := &worker{
		deliverer: u.Deliverer, policy: o.Policy, report: u.Report, states: states, parked: later,
		worked: u.Worked, fault: u.Fault, stopping: make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	d := &Drain{worker: w, limit: o.Limit, share: o.HeldShare, fresh: fresh, sources: u.Sources}
	w.publish, w.moved = d.Publish, d.laterMoved
	d.sender = &sender{worker: w, linger: o.Linger, done: make(chan struct{}), fresh: newBatch(fresh, u.Sources.NewScratch(), u.Sources, u.Report, states)}
	d.retrier = &retrier{worker: w, sources: u.Sources, arrived: make(chan struct{}, 1), done: make(chan struct{})}
	d.laterMoved()
	d.update()
	states.Recovered(fresh.Dir(), fresh.Recovery())
	for _, q := range later.Queues() {
		states.Recovered(q.Dir(), q.Recovery())
	}
	d.look = guard.AfterFunc(abandonedAfter, d.fault, d.findAbandoned)
	return d, nil
}

// laterMoved is called when chunks came into later, or left it: its size counts for the limit, and
// that of one destination for its share.
func (d *Drain) laterMoved() {
	d.fresh.Reserve(d.parked.Stats().Bytes)
	var full map[string]bool
	for _, q := range d.parked.Queues() {
		if q.Stats().Bytes <= d.limit/100*int64(d.share) {
			continue
		}
		if full == nil {
			full = map[string]bool{}
		}
		full[q.Key] = true
	}
	if full == nil {
		d.full.Store(nil)
		d.states.HeldBack("", d.share)
	} else {
		d.full.Store(&full)
	}
	select {
	case d.retrier.arrived <- struct{}{}:
	default:
	}
}

// update reads the gauges' values.
func (d *Drain) update() {
	d.states.Update(d.fresh.Stats(), d.parked.Stats())
	d.report.HeldRecords(d.heldDocuments())
}

// heldDocuments is how many records wait in the queues of held destinations, or at the front.
func (d *Drain) heldDocuments() int {
	n := int(d.sender.held.Load())
	for _, q := range d.parked.Queues() {
		_, held := d.deliverer.HeldFor(q.Key)
		if held || q.Key == "" && d.deliverer.HeldDestinations() > 0 { // the queue that further destinations share
			n += q.Records()
		}
	}
	return n
}

// Publish shows all metrics as they are now.
func (d *Drain) Publish() {
	d.update()
	d.states.Publish()
}

// publishSoon publishes the changes of a flush: the sender may be in a long request, and no other
// flush may come.
func (d *Drain) publishSoon() {
	if d.soon.CompareAndSwap(false, true) {
		guard.AfterFunc(publishAfter, d.fault, func() {
			d.soon.Store(false)
			d.Publish()
		})
	}
}

// findAbandoned tells of spools beside this one that no instance uses.
func (d *Drain) findAbandoned() {
	left, err := spool.Abandoned(filepath.Dir(d.fresh.Dir()), d.fresh.Dir())
	if err != nil {
		return // the instance works without an answer
	}
	for _, s := range left {
		d.states.Abandoned(s.Dir, s.Bytes)
	}
}

// Why a chunk is not in the spool.
var (
	// ErrNotSpooled: it can't be written now, and must come again.
	ErrNotSpooled = errors.New("drain: the chunk is not in the spool")
	// ErrNoEvents: nothing in it is an event.
	ErrNoEvents = errors.New("drain: nothing in the chunk is an event")
)

// Enqueue appends a chunk, which is borrowed, and returns when it is safe.
//
// Possible errors: ErrNotSpooled; ErrNoEvents.
func (d *Drain) Enqueue(tag string, data []byte) error {
	records, malformed := source.Count(data)
	account := report.Account{Received: records + malformed}
	defer func() {
		d.report.Count(&account)
		d.publishSoon()
	}()
	if account.Received == 0 {
		return nil // markers of groups, if anything
	}
	if records == 0 {
		account.Malformed = malformed
		d.report.Malformed(tag, "nothing in their chunk is an event")
		return ErrNoEvents
	}
	if d.heldBack(tag, data) {
		account.Returned = account.Received
		return ErrNotSpooled
	}
	err := d.fresh.Append(spool.Frame{Tag: tag, Chunk: data, Records: account.Received}, spool.WithinLimit)
	d.states.Appended(d.fresh.Stats, err)
	if err != nil {
		account.Returned = account.Received
		return fmt.Errorf("%w: %w", ErrNotSpooled, err)
	}
	account.Spooled = account.Received
	return nil
}

// Dir is the spool's folder.
func (d *Drain) Dir() string { return d.fresh.Dir() }

// heldBack reports whether a chunk has nothing but records for destinations that
// have their share of the spool. As long as there are none, it costs nothing.
func (d *Drain) heldBack(tag string, data []byte) bool {
	full := d.full.Load()
	if full == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.scratch == nil {
		d.scratch = d.sources.NewScratch()
	}
	destination, only := "", false
	if !guard.Run(d.fault, func() {
		destination, only = d.sources.Destined(d.scratch, tag, data, func(name []byte) bool { return (*full)[string(name)] })
	}) {
		d.scratch = nil
		return false
	}
	if only {
		d.states.HeldBack(destination, d.share)
	}
	return only
}

// Close ends the senders and gives the folder back.
func (d *Drain) Close() {
	d.look.Stop()
	if !d.stop() {
		// The disk hangs. The senders keep its lock until they are done, and then the next instance
		// gets it.
		guard.Go(d.fault, func() {
			<-d.sender.done
			<-d.retrier.done
			d.release()
		})
		return
	}
	d.release()
	d.update()
}

// stop ends the senders, and reports whether they ended in time. They send waiting chunks for
// closeGrace; then running requests are cut off.
func (d *Drain) stop() bool {
	close(d.stopping)
	guard.AfterFunc(closeGrace, d.fault, d.cancel)
	limit := time.NewTimer(closeGrace + closeLimit)
	defer limit.Stop()
	for _, done := range []chan struct{}{d.sender.done, d.retrier.done} {
		select {
		case <-done:
		case <-limit.C:
			return false
		}
	}
	return true
}

// release gives the files and the locks back.
func (d *Drain) release() {
	d.sender.fresh.reader.Close()
	d.retrier.close()
	_ = d.fresh.Close() // acknowledged chunks are written
	d.parked.Close()
}

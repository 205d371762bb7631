// Package drain is an instance's life with a spool: flushes append their chunks
// to it, and a sender delivers them, oldest first.
//
// docs/spool.md draws the sender's states.
package drain

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"out_es/plugin/deliver"
	"out_es/plugin/report"
	"out_es/plugin/source"
	"out_es/plugin/spool"
)

const (
	// parkedFolder is the spool of what is tried every Retry_Max only, inside
	// the instance's own; parkedShare the share of Spool_Limit that it may take.
	parkedFolder = "parked"
	parkedShare  = 8
	// abandonedAfter is how long after its start an instance looks for spools
	// that nobody uses: by then all instances of this Fluent Bit have started.
	abandonedAfter = 5 * time.Second
)

// Options say where the spool is and when it is sent.
type Options struct {
	// Dir is the instance's folder. Others lie beside it.
	Dir string
	// Limit is how many bytes the spool may have.
	Limit int64
	Sync  spool.Sync
	// Linger is how long a chunk waits for others to fill a request.
	Linger time.Duration
	Policy deliver.Policy
}

// Uses is what a drain works with.
type Uses struct {
	Sources   *source.Shared
	Deliverer *deliver.Deliverer
	Report    *report.Reporter
	// Worked is called after each delivery, Fault with what a panic said.
	Worked func()
	Fault  func(problem any)
}

// Drain is a spool and its sender. It is safe for concurrent use.
type Drain struct {
	fresh, parked *spool.Spool
	sender        *sender
	report        *report.Reporter
	states        *report.Spool
	look          *time.Timer
}

// Open opens the spool and starts its sender.
//
// Possible errors: those of spool.Open.
func Open(o Options, u Uses) (*Drain, error) {
	d, err := open(o, u)
	if err != nil {
		return nil, err
	}
	go d.sender.run()
	return d, nil
}

// open is Open without a start of the sender.
func open(o Options, u Uses) (*Drain, error) {
	share := o.Limit / parkedShare
	fresh, err := spool.Open(o.Dir, spool.Options{Limit: o.Limit - share, Sync: o.Sync})
	if err != nil {
		return nil, err
	}
	parked, err := spool.Open(filepath.Join(o.Dir, parkedFolder), spool.Options{Limit: share, Sync: o.Sync})
	if err != nil {
		_ = fresh.Close()
		return nil, err
	}
	d := &Drain{fresh: fresh, parked: parked, report: u.Report, states: u.Report.Spool(o.Limit)}
	d.update()
	d.states.Recovered(fresh.Dir(), fresh.Recovery())
	d.states.Recovered(parked.Dir(), parked.Recovery())
	d.look = time.AfterFunc(abandonedAfter, d.findAbandoned)
	d.sender = newSender(newBatch(fresh, &u, d.states), newBatch(parked, &u, d.states), &o, &u, d.publish)
	return d, nil
}

// update reads the gauges' values.
func (d *Drain) update() { d.states.Update(d.fresh.Stats(), d.parked.Stats()) }

func (d *Drain) publish() {
	d.update()
	d.states.Publish()
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
		d.update()
		d.report.Count(&account)
	}()
	if account.Received == 0 {
		return nil // markers of groups, if anything
	}
	if records == 0 {
		account.Malformed = malformed
		d.report.Malformed(tag, "nothing in their chunk is an event")
		return ErrNoEvents
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

// Close ends the sender and gives the folder back.
func (d *Drain) Close() {
	d.look.Stop()
	if !d.sender.stop() {
		// The disk hangs. Its lock must not be given away before the sender is
		// done with it, and not be kept from the instance that follows after that.
		go func() {
			<-d.sender.done
			d.release()
		}()
		return
	}
	d.release()
	d.update()
}

// release gives the files and the locks back.
func (d *Drain) release() {
	d.sender.fresh.reader.Close()
	d.sender.parked.reader.Close()
	_ = d.fresh.Close() // what was acknowledged is written
	_ = d.parked.Close()
}

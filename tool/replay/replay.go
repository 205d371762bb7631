// Package replay brings dead-letter records back into Elasticsearch, through the plugin's own
// delivery. Undelivered records stay in a new file; the stored position behind each batch lets an
// interrupted run go on where it ended.
package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// Options of a run.
type Options struct {
	// Left is the new file, for records that are not delivered.
	Left string
	// Position is the file that tells how far a run is; "" for none.
	Position string
	// BatchBytes is how much is read at a time by each of Workers.
	BatchBytes, Workers int
	// Patience is how long a batch goes on with nothing but records for destinations that take
	// none. Then these stay.
	Patience    time.Duration
	Operation   bulk.Operation
	Compression bulk.Compression
	// Pipeline is for records that name none, a JSON string; empty for none.
	Pipeline []byte
	// MadeIDs gives records without an id one that is made of their text, so that a retry makes no
	// duplicate.
	MadeIDs bool
	// DryRun sends nothing and writes nothing.
	DryRun bool
	Select Selection
}

// Counts are the records of a run so far, those of earlier runs that it goes on from included.
type Counts struct {
	Read int64 `json:"read"`
	// Delivered were accepted, There were in Elasticsearch before.
	Delivered    int64 `json:"delivered"`
	Deduplicated int64 `json:"deduplicated"`
	// Rejected were rejected again, Waiting are for destinations that take nothing now; Unselected
	// were not asked for; Malformed are no dead-letter records. All of these are in the new file.
	Rejected   int64 `json:"rejected"`
	Waiting    int64 `json:"held"`
	Unselected int64 `json:"not_selected"`
	Malformed  int64 `json:"malformed"`
}

// Left is how many records are in the new file.
func (c *Counts) Left() int64 { return c.Rejected + c.Waiting + c.Unselected + c.Malformed }

// Dependencies is all that a run works with.
type Dependencies struct {
	Deliverer *deliver.Deliverer
	// Problem is called for a line that is no dead-letter record.
	Problem func(text string)
	// Rejected is called for every record that is rejected again.
	Rejected func(index string, why deliver.Rejection)
	// Selected is called for the records of a dry run.
	Selected func(index, kind string)
	// Begun is called with the place where the run begins.
	Begun func(done int64, counts Counts)
	// Held is called with the reason why a batch makes no progress.
	Held func(err error)
	// Progress is called after each batch with the bytes read of all, and from several goroutines
	// never at once.
	Progress func(done int64, counts Counts)
}

// ErrInterrupted means that the run was interrupted. What is done is written down.
var ErrInterrupted = errors.New("interrupted")

// job is a batch with the place behind it.
type job struct {
	batch *batch
	end   place
	done  chan error
}

// Run replays an input to its end.
//
// Possible errors: ErrInterrupted; those of the input and of the new file.
func Run(ctx context.Context, in Input, o Options, u Dependencies) (Counts, error) {
	out, err := openLeft(o, in)
	if err != nil {
		return Counts{}, err
	}
	defer out.close()
	u.Begun(out.from().Done, out.counts())
	r := &run{options: o, uses: u, out: out, counts: out.counts()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs, order := make(chan *job), make(chan *job, o.Workers)
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Go(func() {
			req := bulk.NewRequest(o.Compression)
			for j := range jobs {
				j.done <- r.deliver(ctx, j.batch, req)
			}
		})
	}
	var reading error
	go func() {
		defer close(order)
		defer close(jobs)
		reading = r.read(ctx, in, jobs, order)
	}()
	committing := r.commit(order, cancel)
	workers.Wait()
	switch {
	case committing != nil:
		return r.counts, committing
	case ctx.Err() != nil:
		return r.counts, ErrInterrupted
	case reading != nil:
		return r.counts, reading
	}
	return r.counts, out.finish(r.counts)
}

type run struct {
	options Options
	uses    Dependencies
	out     *left
	counts  Counts
}

// read makes batches of the input, in order.
func (r *run) read(ctx context.Context, in Input, jobs, order chan<- *job) error {
	if err := in.Seek(r.out.from()); err != nil {
		return err
	}
	for {
		j := &job{batch: newBatch(&r.options), done: make(chan error, 1)}
		ended, err := j.batch.fill(ctx, in, r.options.BatchBytes)
		if err != nil {
			return err
		}
		if j.end = in.Place(); len(j.batch.lines) > 0 {
			select {
			case order <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				j.done <- ctx.Err()
				return ctx.Err()
			}
		}
		if ended {
			return nil
		}
	}
}

// commit takes the batches in their order: records that stay are written down, then the place
// behind the batch.
func (r *run) commit(order <-chan *job, cancel func()) error {
	var failed error
	for j := range order {
		err := <-j.done
		if failed != nil {
			continue
		}
		if err != nil {
			failed = err
			cancel()
			continue
		}
		for i := range j.batch.lines {
			r.count(&j.batch.lines[i])
		}
		if r.options.DryRun {
			r.uses.Progress(j.end.Done, r.counts)
			continue
		}
		if err := r.out.write(j.batch, j.end, r.counts); err != nil {
			failed = err
			cancel()
			continue
		}
		r.uses.Progress(j.end.Done, r.counts)
	}
	if errors.Is(failed, context.Canceled) {
		return ErrInterrupted
	}
	return failed
}

func (r *run) count(l *line) {
	r.counts.Read++
	switch l.state {
	case accepted:
		r.counts.Delivered++
	case deduplicated:
		r.counts.Deduplicated++
	case rejected:
		r.counts.Rejected++
		r.uses.Rejected(l.record.Index, l.why)
	case held:
		r.counts.Waiting++
		r.uses.Rejected(l.record.Index, l.why)
	case unselected:
		r.counts.Unselected++
	case malformed:
		r.counts.Malformed++
		r.uses.Problem(l.problem)
	case waiting: // of a dry run
		r.uses.Selected(l.record.Index, l.record.Type)
	}
}

// pause is how long a batch that makes no progress waits between two deliveries.
const pause = 250 * time.Millisecond

// deliver sends a batch until each of its records has an end.
//
// Possible errors: the context's; a setting holds every request.
func (r *run) deliver(ctx context.Context, b *batch, req *bulk.Request) error {
	b.parse()
	if r.options.DryRun {
		return nil
	}
	progress, settled := time.Now(), -1
	for {
		err := r.uses.Deliverer.Deliver(ctx, b, req)
		b.Rewind()
		if err == nil && b.left() == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b.settled != settled {
			progress, settled = time.Now(), b.settled
		}
		if err != nil && !errors.Is(err, deliver.ErrLeft) {
			return err
		}
		hold, isHeld := errors.AsType[*deliver.Held](err)
		if _, outage := errors.AsType[*bulk.Failure](err); outage || r.uses.Deliverer.Closed() || errors.Is(err, deliver.ErrPaced) {
			progress = time.Now() // no record's fault
		} else if time.Since(progress) > r.options.Patience {
			if isHeld && hold.Destination == "" {
				return fmt.Errorf("every request is rejected: %w", err)
			}
			b.giveUp(r.uses.Deliverer, err)
			return nil
		}
		r.uses.Held(err)
		r.uses.Deliverer.Await(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

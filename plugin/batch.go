package plugin

import (
	"errors"
	"io"
	"math"
	"sort"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
	"out_es/plugin/spool"
)

// batch is the front of a spool on its way: deliver.Source for its oldest
// frames. Each delivery of it is one request, but for what a fault of the
// request makes smaller.
//
// Of the frames only one is in memory: one that must be looked at again is read
// again.
type batch struct {
	plugin *Plugin
	spool  *spool.Spool
	reader *spool.Reader
	// bench has the writers and the request that all frames share.
	bench  *bench
	buffer []byte
	loaded *part // the frame in buffer
	parts  []*part
	// filled is how many of parts the last Fill came to.
	filled int
	// limited says that the last Fill was held to a number of items.
	limited bool
	// over says that the delivery has had its request.
	over bool
	// most is how many frames a request may hold, 0 for any number.
	most int
	// age is how old a frame must be before it is sent.
	age time.Duration
	// settled is how many items were settled since the sender set it to 0.
	settled int
	// patience is readPatience, unread since when the spool can't be read on.
	patience time.Duration
	unread   time.Time
}

// readPatience is how long a disk that says it is damaged is asked again.
const readPatience = 30 * time.Second

// part is one frame of a batch: a chunk like one that a flush delivers, with a
// bench that shares its writers.
type part struct {
	*source // nil until the frame was loaded
	entry   spool.Entry
	chunk   []byte // while it is loaded
	// base is what its positions have been shifted by in the last Fill.
	base int
	// unread is since when it can't be loaded.
	unread time.Time
}

// age is how long a frame has waited. After the clock was set back that is not
// known: long enough.
func (p *part) age() time.Duration {
	if age := time.Since(p.entry.Appended); age >= 0 {
		return age
	}
	return math.MaxInt64
}

func newBatch(p *Plugin, s *spool.Spool) *batch {
	return &batch{plugin: p, spool: s, reader: s.NewReader(), bench: newBench(p.setup), patience: readPatience}
}

// readAhead makes the oldest frames known until so many bytes of them wait, and
// returns how many do.
//
// Possible errors: those of the file system.
func (b *batch) readAhead(bytes int) (waiting int, err error) {
	for _, p := range b.parts {
		waiting += p.entry.Bytes()
	}
	for waiting < bytes {
		p, err := b.more()
		if p == nil || err != nil {
			return waiting, err
		}
		waiting += p.entry.Bytes()
	}
	return waiting, nil
}

// more adds the next frame of the spool, nil where there is none.
//
// Possible errors: those of the file system.
func (b *batch) more() (*part, error) {
	for {
		entry, err := b.reader.Next()
		damage, damaged := errors.AsType[*spool.Damage](err)
		switch {
		case err == nil:
			b.readable(&b.unread)
			p := &part{entry: entry}
			b.parts = append(b.parts, p)
			return p, nil
		case errors.Is(err, io.EOF):
			return nil, nil
		case damaged:
			b.setAside(damage)
		case !b.hopeless(&b.unread, err):
			return nil, err
		default:
			b.unread = time.Time{}
			b.setAside(b.reader.SkipSegment())
		}
	}
}

// hopeless tells of something that can't be read, and says whether it is given
// up: where the disk says so again and again. Other errors, such as too many
// open files or a permission, say nothing of the data, and end when somebody
// ends them.
func (b *batch) hopeless(since *time.Time, err error) bool {
	if since.IsZero() {
		*since = time.Now()
	}
	b.plugin.spooling.unreadable(err)
	return spool.IsDamage(err) && time.Since(*since) >= b.patience
}

// readable tells that what could not be read can be again.
func (b *batch) readable(since *time.Time) {
	if !since.IsZero() {
		*since = time.Time{}
		b.plugin.spooling.readable()
	}
}

// bind makes p the loaded frame. A frame that is loaded again starts at its
// first event, since generated ids count equal events from there; what is
// settled is passed over.
//
// Possible errors: spool.ErrDamaged; those of the file system.
func (b *batch) bind(p *part) error {
	if b.loaded == p {
		return nil
	}
	b.loaded = nil
	frame, buffer, err := b.reader.Load(p.entry, b.buffer)
	b.buffer = buffer
	if err != nil {
		return err
	}
	b.readable(&p.unread)
	p.chunk = frame.Chunk
	if p.source == nil {
		own := &bench{request: b.bench.request, documents: b.bench.documents, addresses: b.bench.addresses, letterNames: b.bench.letterNames}
		tag := frame.Tag
		p.source = own.open(b.plugin, tag, frame.Chunk, func() deliver.Digest { return deliver.DigestOf(tag, p.chunk) })
		p.settled.Load(frame.Settled)
	} else {
		p.begin(p.tag)
		p.reader, p.from = chunk.NewReader(frame.Chunk), chunk.Place{}
	}
	b.loaded = p
	return nil
}

// Fill implements deliver.Source. Before something that can't be read, a request
// ends with what is in it.
func (b *batch) Fill(req *bulk.Request, limits deliver.Limits) error {
	b.filled, b.limited = 0, limits.Items > 0
	if b.over {
		return nil
	}
	base := 0
	for i := 0; b.most == 0 || i < b.most; i++ {
		if i == len(b.parts) {
			if p, err := b.more(); p == nil || err != nil {
				return unlessFilled(req, err)
			}
		}
		p := b.parts[i]
		if p.age() < b.age {
			return nil
		}
		if err := b.bind(p); err != nil {
			if err = b.unbound(i, err); err != nil {
				return unlessFilled(req, err)
			}
			i--
			continue
		}
		p.base = base
		req.Shift(base)
		b.filled = i + 1
		if err := p.Fill(req, limits); err != nil {
			return err
		}
		if !p.ended || limits.Items > 0 && len(req.Positions()) >= limits.Items {
			return nil
		}
		base += p.reader.Position() + 1
	}
	return nil
}

func unlessFilled(req *bulk.Request, err error) error {
	if len(req.Positions()) > 0 {
		return nil
	}
	return err
}

// unbound deals with a frame that could not be loaded. It returns nil where the
// batch goes on without it.
func (b *batch) unbound(i int, err error) error {
	if !errors.Is(err, spool.ErrDamaged) && !b.hopeless(&b.parts[i].unread, err) {
		return err
	}
	b.discard(i, err)
	return nil
}

// of finds the part that a position belongs to, and the position in it.
func (b *batch) of(position int) (*part, int) {
	i := sort.Search(b.filled, func(i int) bool { return b.parts[i].base > position }) - 1
	return b.parts[i], position - b.parts[i].base
}

// Advance implements deliver.Source: every item of the request is settled, and
// with it every frame that ended in it.
func (b *batch) Advance() {
	b.over = !b.limited
	done := 0
	for _, p := range b.parts[:b.filled] {
		p.source.Advance()
		if !p.ended || p.kept {
			break
		}
		done++
	}
	b.drop(done)
	b.Keep()
}

// Keep implements deliver.Source: it writes down what is settled.
func (b *batch) Keep() {
	progress := spool.Progress{Done: b.reader.Place()}
	if len(b.parts) > 0 {
		progress.Done = b.parts[0].entry.Place
	}
	for _, p := range b.parts {
		if p.source != nil && p.settled.Any() {
			progress.Partial = append(progress.Partial, spool.Partial{Sequence: p.entry.Sequence, Settled: p.settled.AppendBytes(nil)})
		}
	}
	b.plugin.spooling.checkpointed(b.spool.Checkpoint(progress))
}

// Sent implements deliver.Source.
func (b *batch) Sent(position int) bulk.Sent {
	p, own := b.of(position)
	return p.Sent(own)
}

// Settle implements deliver.Source.
func (b *batch) Settle(position int, v bulk.Verdict) {
	p, own := b.of(position)
	b.settled++
	p.Settle(own, v)
}

// Refuse implements deliver.Source.
func (b *batch) Refuse(position int, why deliver.Refusal) deliver.Disposition {
	p, own := b.of(position)
	fate := p.Refuse(own, why)
	if fate == deliver.Done {
		b.settled++
	}
	return fate
}

// restart forgets what is in memory and goes back to the checkpoint, after a
// panic: nothing of it can be trusted.
func (b *batch) restart() {
	b.reader.Close()
	fresh := newBatch(b.plugin, b.spool)
	fresh.most, fresh.age, fresh.patience = 1, b.age, b.patience
	*b = *fresh
}

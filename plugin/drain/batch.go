package drain

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"sort"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/report"
	"out_es/plugin/source"
	"out_es/plugin/spool"
)

// batch is the front of a spool: the deliver.Source of its oldest frames. Each delivery of it is
// one request, or two at a time, unless a fault of the request makes it smaller.
//
// Only one frame is in memory; others are read again when they are needed again.
type batch struct {
	spool  *spool.Spool
	reader *spool.Reader
	report *report.Reporter
	states *report.Spool

	sources *source.Shared
	// scratch has the writers and the request that all frames share, buffer the
	// frame that is loaded.
	scratch *source.Scratch
	buffer  []byte
	loaded  *frame
	frames  []*frame
	// filled is how many of frames the last Fill came to.
	filled int
	// ahead says where each Fill since the last Advance ended that Ahead went
	// behind.
	ahead []fillEnd
	// limited says that the last Fill was held to a number of items.
	limited bool
	// over says that the delivery has had its request.
	over bool
	// reach is the number of frames that the delivery has come to. After a Rewind, which rewound
	// notes, it comes to no others: a probe of one destination would pass over all frames that
	// wait.
	reach   int
	rewound bool
	// id tells the names of its frames from those of other queues.
	id [4]byte
	// waited says that its frames lie in later, and took gets the records of each that leaves it.
	waited bool
	took   func(records int)
	// most is how many frames a request may hold, 0 for any number.
	most int
	// modest says that requests end behind the frame with which they have modestBytes.
	modest bool
	// settled is how many items were settled since the sender set it to 0.
	settled int
	// patience is readPatience, unread since when the spool can't be read on.
	patience time.Duration
	unread   time.Time
}

// fillEnd is where a Fill ended that another one goes on behind.
type fillEnd struct {
	// frame is the first that the next Fill comes to. Where inside says so, the
	// Fill that ended has had the beginning of it.
	frame  int
	inside bool
}

// maxFrames bounds the frames of a request, and with them the memory for their accounts: about 700
// bytes each.
const maxFrames = 1000

// modestBytes is the size of requests while less than a full one waits. Their buffer stays in
// memory as long as chunks come: for a second's chunks it takes as many bytes, and as many again
// each time that it grows (docs/adr/0038).
const modestBytes = 512 << 10

// maxTurnedAway is how many frames a request looks at in vain, where all of
// their events are for destinations that are held.
const maxTurnedAway = 64

// readPatience is how long a disk that says it is damaged is asked again.
const readPatience = 30 * time.Second

// frame is one frame of a batch: a chunk like one that a flush delivers.
type frame struct {
	entry spool.Entry
	// source is nil until the frame was loaded. It outlives the bytes of the chunk, since the
	// account and the settled events do.
	source *source.Source
	chunk  []byte // while it is loaded
	tag    string
	// base is the shift of its positions in the last Fill.
	base int
	// held is since when it waits for a destination that takes nothing, for Hold_Limit; the zero
	// time where it does not. In later it is the time at which it came there.
	held time.Time
	// unread is since when it can't be loaded.
	unread time.Time
}

// left is how many of its records are not settled.
func (f *frame) left() int {
	if f.source == nil {
		return f.entry.Records
	}
	return max(0, f.entry.Records-f.source.Account().Ended())
}

// front is where the next delivery starts.
type front struct {
	first *frame // nil for none
	at    int    // the position in it
}

func (b *batch) front() (f front) {
	if len(b.frames) == 0 {
		return front{}
	}
	f.first = b.frames[0]
	if f.first.source != nil {
		f.at = f.first.source.Begins()
	}
	return f
}

// age is how long a frame has waited. After the clock was set back that is not
// known: long enough.
func (f *frame) age() time.Duration {
	if age := time.Since(f.entry.Appended); age >= 0 {
		return age
	}
	return math.MaxInt64
}

// past is a stored time, or now where it lies in the future, since the clock was set back.
func past(t time.Time) time.Time {
	if now := time.Now(); t.After(now) {
		return now
	}
	return t
}

func newBatch(s *spool.Spool, scratch *source.Scratch, sources *source.Shared, r *report.Reporter, states *report.Spool) *batch {
	return &batch{
		spool: s, reader: s.NewReader(), report: r, states: states, took: func(int) {},
		sources: sources, scratch: scratch, patience: readPatience, id: idOf(s.Dir()),
	}
}

// idOf is a hash of a queue's folder.
func idOf(dir string) (id [4]byte) {
	binary.BigEndian.PutUint32(id[:], crc32.ChecksumIEEE([]byte(dir)))
	return id
}

// readAhead makes the oldest frames known until so many bytes of them wait, or a
// request's number of frames, and returns how many bytes do.
//
// Possible errors: those of the file system.
func (b *batch) readAhead(bytes, frames int) (waiting int, err error) {
	for _, f := range b.frames {
		waiting += f.entry.Bytes()
	}
	for waiting < bytes && len(b.frames) < frames {
		f, err := b.more()
		if f == nil || err != nil {
			return waiting, err
		}
		waiting += f.entry.Bytes()
	}
	return waiting, nil
}

// more adds the next frame of the spool, nil where there is none.
//
// Possible errors: those of the file system.
func (b *batch) more() (*frame, error) {
	for {
		entry, err := b.reader.Next()
		damage, damaged := errors.AsType[*spool.Damage](err)
		switch {
		case err == nil:
			b.readable(&b.unread)
			f := &frame{entry: entry}
			if b.waited {
				f.held = past(entry.Appended)
			}
			b.frames = append(b.frames, f)
			return f, nil
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

// hopeless logs a read error, and reports whether the data is given up: if the disk returns the
// error again and again. Other errors, such as too many open files or a permission, say nothing
// about the data, and an operator can end them.
func (b *batch) hopeless(since *time.Time, err error) bool {
	if since.IsZero() {
		*since = time.Now()
	}
	b.states.Unreadable(err)
	return spool.IsDamage(err) && time.Since(*since) >= b.patience
}

// readable reports that unreadable data can be read again.
func (b *batch) readable(since *time.Time) {
	if !since.IsZero() {
		*since = time.Time{}
		b.states.Readable()
	}
}

// bind makes f the loaded frame. A frame that is loaded again starts at its first event, since
// generated ids count equal events from there, and skips settled events.
//
// Possible errors: spool.ErrDamaged; those of the file system.
func (b *batch) bind(f *frame) error {
	if b.loaded == f {
		return nil
	}
	b.loaded = nil
	loaded, buffer, err := b.reader.Load(f.entry, b.buffer)
	b.buffer = buffer
	if err != nil {
		return err
	}
	b.readable(&f.unread)
	f.chunk = loaded.Chunk
	if f.source == nil {
		f.tag, f.source = loaded.Tag, b.sources.New(b.scratch)
		f.source.Open(f.tag, f.chunk, func() deliver.Digest { return deliver.DigestOf(f.tag, f.chunk) })
		f.source.Settled().Load(loaded.Settled)
		f.source.HeldSince(f.held)
	} else {
		f.source.Reload(f.chunk)
	}
	b.loaded = f
	return nil
}

// begin prepares for a delivery. A frame of which an earlier one left events behind is read from
// its start again once an earlier one came to its end; until then the next goes on behind them.
func (b *batch) begin() {
	b.over, b.settled, b.reach, b.rewound = false, 0, 0, false
	b.filled = 0 // a delivery may end before its first Fill, and the frames of the last were forgotten
	for _, f := range b.frames {
		if f.source == nil {
			continue
		}
		f.source.HeldSince(f.held)
		if !f.source.Left() || !f.source.Ended() {
			continue
		}
		f.source.Rewind()
		if b.loaded == f {
			b.loaded = nil
		}
	}
}

// Fill implements deliver.Source. A request ends before data that can't be read, unless it is
// empty.
func (b *batch) Fill(req *bulk.Request, limits deliver.Limits) error {
	if b.over && limits.Items == 0 { // else the document that fails a whole request is being searched for
		return nil // filled still describes the request
	}
	b.limited = limits.Items > 0
	limits.SourceBytes = 0 // a batch is not divided, Rest reports whether there are two
	if limits.Portion > 0 {
		limits.Bytes = min(limits.Bytes, limits.Portion)
	}
	first, base := b.start()
	if len(b.ahead) == 0 {
		b.filled = 0
	}
	for i := first; i-first < maxFrames && (b.most == 0 || i < b.most) && (!b.rewound || i < b.reach); i++ {
		if b.modest && req.Sent() >= modestBytes {
			return nil
		}
		if i == len(b.frames) {
			if f, err := b.more(); f == nil || err != nil {
				return unlessFilled(req, err)
			}
		}
		f := b.frames[i]
		if err := b.bind(f); err != nil {
			if err = b.unbound(i, err); err != nil {
				return unlessFilled(req, err)
			}
			i--
			continue
		}
		f.base = base
		req.Shift(base)
		b.filled = i + 1
		if !b.rewound {
			b.reach = max(b.reach, b.filled)
		}
		rejected := f.source.Rejected()
		err := f.source.Fill(req, limits)
		b.settled += f.source.Rejected() - rejected // by Hold_Limit
		if err != nil {
			return err
		}
		if len(req.Positions()) == 0 && limits.Admission != nil && i >= maxTurnedAway {
			return nil
		}
		if !f.source.Ended() || limits.Items > 0 && len(req.Positions()) >= limits.Items {
			return nil
		}
		base += f.source.Position() + 1
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
	if !errors.Is(err, spool.ErrDamaged) && !b.hopeless(&b.frames[i].unread, err) {
		return err
	}
	b.discard(i, err)
	return nil
}

// of finds the frame that a position belongs to, and the position in it.
func (b *batch) of(position int) (*frame, int) {
	i := sort.Search(b.filled, func(i int) bool { return b.frames[i].base > position }) - 1
	return b.frames[i], position - b.frames[i].base
}

// Advance implements deliver.Source: every item of the request is settled, and
// with it every frame that ended in it.
func (b *batch) Advance() {
	b.over, b.ahead = !b.limited, b.ahead[:0]
	done := 0
	for _, f := range b.frames[:b.filled] {
		f.source.Advance()
		if !f.source.Ended() || f.source.Left() {
			break
		}
		done++
	}
	b.drop(done)
	b.Checkpoint()
}

// Skip implements deliver.Source.
func (b *batch) Skip() {
	b.over, b.ahead = !b.limited, b.ahead[:0]
	for _, f := range b.frames[:b.filled] {
		f.source.Skip()
	}
	b.Checkpoint()
}

// Rewind implements deliver.Source.
func (b *batch) Rewind() {
	b.over, b.loaded, b.ahead, b.rewound = false, nil, b.ahead[:0], true
	for _, f := range b.frames {
		if f.source != nil {
			f.source.Rewind()
		}
	}
}

// Ahead implements deliver.Source.
func (b *batch) Ahead() {
	c := fillEnd{frame: b.filled}
	if last := b.filled - 1; last >= 0 && !b.frames[last].source.Ended() {
		c = fillEnd{frame: last, inside: true}
		b.frames[last].source.Ahead()
	}
	b.ahead = append(b.ahead, c)
}

// start is the first frame that the next Fill comes to, and the first position
// in it.
func (b *batch) start() (frame, base int) {
	last := len(b.ahead) - 1
	if last < 0 {
		return 0, 0
	}
	c := b.ahead[last]
	if c.inside {
		return c.frame, b.frames[c.frame].base
	}
	if c.frame > 0 {
		f := b.frames[c.frame-1]
		base = f.base + f.source.Position() + 1
	}
	return c.frame, base
}

// Resume implements deliver.Source: frames that ended in the first Fills are
// counted and dropped.
func (b *batch) Resume(fills int) {
	done, inside := 0, 0 // the frames behind, and the Fills that had a part of the next one
	for _, c := range b.ahead[:fills] {
		if c.frame != done {
			done, inside = c.frame, 0
		}
		if c.inside {
			inside++
		}
	}
	ended := 0
	for i, f := range b.frames[:b.filled] {
		switch {
		case i < done:
			if f.source.Advance(); i == ended && !f.source.Left() {
				ended++
			}
		case i == done:
			f.source.Resume(inside)
		default:
			f.source.Resume(0)
		}
	}
	b.ahead = b.ahead[:0]
	b.drop(ended)
}

// Remaining implements deliver.Source: a request at a time, unless there is enough for
// two that are full.
func (b *batch) Remaining() int {
	full := b.sources.Options.RequestBytes
	if b.over || b.rewound || b.most != 0 || full == 0 {
		return 0
	}
	waiting, err := b.readAhead(2*full, 2*maxFrames)
	if err != nil || waiting < 2*full && len(b.frames) < 2*maxFrames {
		return 0
	}
	return waiting
}

// Destination implements deliver.Source.
func (b *batch) Destination(position int) []byte {
	f, own := b.of(position)
	return f.source.Destination(own)
}

// Identity implements deliver.Source: a frame's number in its spool is as good as
// its digest, and known without its bytes.
func (b *batch) Identity(position int) (name [16]byte) {
	f, own := b.of(position)
	binary.BigEndian.PutUint64(name[:], f.entry.Sequence)
	binary.BigEndian.PutUint32(name[8:], uint32(own))
	copy(name[12:], b.id[:])
	return name
}

// WasHeld implements deliver.Source.
func (b *batch) WasHeld() bool { return b.waited }

// Checkpoint implements deliver.Source: it stores the settled events.
func (b *batch) Checkpoint() {
	progress := spool.Progress{Done: b.reader.Place()}
	if len(b.frames) > 0 {
		progress.Done = b.frames[0].entry.Place
	}
	for _, f := range b.frames {
		if f.source != nil && f.source.Settled().Any() {
			progress.Partial = append(progress.Partial, spool.Partial{Sequence: f.entry.Sequence, Settled: f.source.Settled().AppendBytes(nil)})
		}
	}
	b.states.Checkpointed(b.spool.Checkpoint(progress))
}

// Sent implements deliver.Source.
func (b *batch) Sent(position int) bulk.Sent {
	f, own := b.of(position)
	return f.source.Sent(own)
}

// Settle implements deliver.Source.
func (b *batch) Settle(position int, v bulk.Verdict) {
	f, own := b.of(position)
	b.settled++
	f.source.Settle(own, v)
}

// Reject implements deliver.Source.
func (b *batch) Reject(position int, why deliver.Rejection) deliver.Disposition {
	f, own := b.of(position)
	fate := f.source.Reject(own, why)
	if fate == deliver.Done {
		b.settled++
	}
	return fate
}

// forget gives the memory of frames back of which nothing is settled: they are
// read again for the retry.
func (b *batch) forget() {
	for _, f := range b.frames {
		if f.source == nil || f.source.Settled().Any() {
			continue
		}
		f.source, f.chunk = nil, nil
		if b.loaded == f {
			b.loaded = nil
		}
	}
}

// release frees the memory that an idle queue does not need.
func (b *batch) release() {
	b.forget()
	b.buffer, b.loaded = nil, nil
	b.reader.Close()
}

// restart drops all state in memory and goes back to the checkpoint, after a panic: the state can't
// be trusted.
func (b *batch) restart() {
	old := b.reader
	b.reader, b.scratch = b.spool.NewReader(), b.sources.NewScratch()
	b.buffer, b.loaded, b.frames = nil, nil, nil
	b.filled, b.limited, b.over, b.ahead = 0, false, false, nil
	b.most, b.settled, b.unread = 1, 0, time.Time{}
	old.Close()
}

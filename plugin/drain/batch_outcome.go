package drain

import (
	"fmt"
	"time"

	"out_es/plugin/report"
	"out_es/plugin/spool"
)

// drop removes the first n frames and counts their records.
func (b *batch) drop(n int) {
	for _, f := range b.frames[:n] {
		b.count(f)
		b.took(f.entry.Records)
		if b.loaded == f {
			b.loaded = nil
		}
	}
	b.frames = append(b.frames[:0], b.frames[n:]...)
	b.filled, b.reach = max(0, b.filled-n), max(0, b.reach-n)
	if b.loaded == nil && cap(b.buffer) > maxKeptBuffer {
		b.buffer = nil
	}
}

// maxKeptBuffer is the maximum length of a buffer that is kept for the next frame: twice Fluent
// Bit's usual chunk. A larger one is rare.
const maxKeptBuffer = 4 << 20

// count settles a frame's account.
func (b *batch) count(f *frame) {
	b.account(*f.source.Account())
}

// account counts records that came out of the spool.
func (b *batch) account(a report.Account) {
	a.Dequeued, a.Received = a.Received, 0
	b.report.Count(&a)
}

// hasRetained reports whether a frame holds records that On_Rejection keeps.
func (b *batch) hasRetained() bool {
	for _, f := range b.frames[:b.filled] {
		if f.source.Kept() {
			return true
		}
	}
	return false
}

// park moves the rest of the delivered frames to the end of another queue, that of the destination
// of the first remaining record, and so makes way for others.
//
// Possible errors: those of keep; the failing frame, and those behind it, stay.
func (b *batch) park(keep func(destination string, f spool.Frame) error) error {
	moved := 0
	defer func() {
		b.drop(moved)
		b.Checkpoint()
	}()
	for i, f := range b.frames[:b.filled] {
		if !f.source.Ended() && (i > 0 || b.over) {
			return nil // it has not been tried to its end yet
		}
		if err := b.bind(f); err != nil {
			return err // the next Fill meets it, too
		}
		destination := f.source.CountReturned()
		account := f.source.Account()
		left := account.Returned
		account.Returned = 0
		if left > 0 {
			frame := spool.Frame{Tag: f.tag, Settled: f.source.Settled().AppendBytes(nil), Chunk: f.chunk, Records: left, Since: f.held}
			if err := keep(destination, frame); err != nil {
				return err
			}
			account.Parked = left
		}
		moved++
	}
	return nil
}

// left is how many records wait in the frames that are known.
func (b *batch) left() (records int) {
	for _, f := range b.frames {
		records += f.left()
	}
	return records
}

// hold notes that the delivered frames wait for a held destination where they are.
func (b *batch) hold() {
	for _, f := range b.frames[:b.filled] {
		if f.held.IsZero() {
			f.held = time.Now()
		}
	}
}

// discardFirst takes out the frame that the plugin fails on, if it can be found.
func (b *batch) discardFirst() {
	if f, err := b.more(); f != nil && err == nil {
		b.discard(0, errSenderPanic)
	}
}

// discard takes a frame out that is damaged, or that the plugin fails on.
func (b *batch) discard(i int, why error) {
	f := b.frames[i]
	file, err := b.spool.SetAside(f.entry.Place, f.entry.End)
	b.states.Lost(1, fmt.Sprintf("a chunk of %d records is damaged (%v)", f.entry.Records, why), file, err)
	// A frame with damaged bytes has no positions: its records are counted by its head, less the
	// settled ones.
	account := report.Account{}
	if f.source != nil {
		account = *f.source.Account()
	}
	rest := max(0, f.entry.Records-account.Received)
	account.Received += rest
	account.Malformed += account.Received - account.Ended()
	b.account(account)
	b.took(f.entry.Records)
	if b.loaded == f {
		b.loaded = nil
	}
	b.frames = append(b.frames[:i], b.frames[i+1:]...)
	if i < b.reach {
		b.reach--
	}
	if i == 0 {
		b.Checkpoint()
	}
}

// setAside counts and copies damaged data.
func (b *batch) setAside(d *spool.Damage) {
	file, err := b.spool.SetAside(d.From, d.To)
	b.states.Lost(d.Frames, d.Error(), file, err)
}

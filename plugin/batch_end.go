package plugin

import (
	"fmt"

	"out_es/plugin/spool"
)

// drop takes the first n frames out and counts what became of them.
func (b *batch) drop(n int) {
	for _, p := range b.parts[:n] {
		b.count(p)
		if b.loaded == p {
			b.loaded = nil
		}
	}
	b.parts = append(b.parts[:0], b.parts[n:]...)
	b.filled = max(0, b.filled-n)
}

// count settles a frame's account.
func (b *batch) count(p *part) {
	p.account.Unspooled, p.account.Received = p.account.Received, 0
	b.plugin.report.settle(&p.account)
}

// keeps says whether a frame holds records that On_Refusal keeps.
func (b *batch) keeps() bool {
	for _, p := range b.parts[:b.filled] {
		if p.kept {
			return true
		}
	}
	return false
}

// park moves what is left of the frames that were under way to the queue of
// those that somebody must do something about, and so makes way for others.
//
// Possible errors: those of spool.Append; the frame that it happened to, and
// those behind it, stay.
func (b *batch) park(to *spool.Spool) error {
	moved := 0
	defer func() {
		b.drop(moved)
		b.Keep()
	}()
	for i, p := range b.parts[:b.filled] {
		if !p.ended && (i > 0 || b.over) {
			return nil // it has not been tried to its end yet
		}
		if err := b.bind(p); err != nil {
			return err // the next Fill meets it, too
		}
		p.countReturned()
		left := p.account.Returned
		p.account.Returned = 0
		if left > 0 {
			frame := spool.Frame{Tag: p.tag, Settled: p.settled.AppendBytes(nil), Chunk: p.chunk, Records: left}
			room := spool.WithinLimit
			if to == b.spool {
				room = spool.BeyondLimit // its old place is given back
			}
			if err := to.Append(frame, room); err != nil {
				return err
			}
			p.account.Parked = left
		}
		moved++
	}
	return nil
}

// discard takes a frame out that is damaged, or that the plugin fails on.
func (b *batch) discard(i int, why error) {
	p := b.parts[i]
	file, err := b.spool.SetAside(p.entry.Place, p.entry.End)
	b.plugin.spooling.lost(1, fmt.Sprintf("a chunk of %d records is damaged (%v)", p.entry.Records, why), file, err)
	// A frame whose bytes can't be trusted has no positions: its records are
	// counted by its head, those less of which an end is known.
	account := Account{}
	if p.source != nil {
		account = p.account
	}
	rest := max(0, p.entry.Records-account.Received)
	account.Received += rest
	account.Malformed += account.Received - account.ended()
	p.source = &source{account: account}
	b.count(p)
	if b.loaded == p {
		b.loaded = nil
	}
	b.parts = append(b.parts[:i], b.parts[i+1:]...)
	if i == 0 {
		b.Keep()
	}
}

// setAside counts and copies what is no frame any more.
func (b *batch) setAside(d *spool.Damage) {
	file, err := b.spool.SetAside(d.From, d.To)
	b.plugin.spooling.lost(d.Frames, d.Error(), file, err)
}

package plugin

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"out_es/plugin/chunk"
	"out_es/plugin/config"
	"out_es/plugin/fluentbit"
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

// spooling is an instance's life with a spool: its files, its sender, and what
// is told of them. It is safe for concurrent use.
type spooling struct {
	plugin        *Plugin
	fresh, parked *spool.Spool
	sender        *sender
	look          *time.Timer

	frames, bytes, oldest *fluentbit.Gauge
	damaged               *fluentbit.Counters

	mu sync.Mutex
	// refusing, unwritten, unread and unparked are troubles that last.
	refusing, unwritten, unread, unparked lasting
}

// lasting is a trouble that is told when it begins, once a minute, and when it
// ends.
type lasting struct {
	since, told time.Time
}

// begin says whether the trouble is to be told now.
func (l *lasting) begin() bool {
	now := time.Now()
	if l.since.IsZero() {
		l.since = now
	}
	if now.Sub(l.told) < reminder {
		return false
	}
	l.told = now
	return true
}

// end says whether a trouble that was told is over, and how long it was.
func (l *lasting) end() (time.Duration, bool) {
	if l.since.IsZero() {
		return 0, false
	}
	took := time.Since(l.since).Round(time.Millisecond)
	*l = lasting{}
	return took, true
}

// openSpool opens the instance's spool, if Spool_Path is set, and starts its
// sender.
//
// Possible errors: a fault of Spool_Path.
func (p *Plugin) openSpool(c *config.Config) error {
	if c.SpoolPath == "" {
		return nil
	}
	options := spool.Options{Limit: int64(c.SpoolLimit) - int64(c.SpoolLimit)/parkedShare}
	if c.SpoolSync {
		options.Sync = spool.SyncAlways
	}
	dir := filepath.Join(c.SpoolPath, url.PathEscape(p.host.Name()))
	fresh, err := spool.Open(dir, options)
	if err != nil {
		return unwritable(c, "Spool_Path", c.SpoolPath, err)
	}
	options.Limit = int64(c.SpoolLimit) / parkedShare
	parked, err := spool.Open(filepath.Join(dir, parkedFolder), options)
	if err != nil {
		_ = fresh.Close()
		return unwritable(c, "Spool_Path", c.SpoolPath, err)
	}
	l := &spooling{plugin: p, fresh: fresh, parked: parked}
	p.spooling = l
	l.measure(float64(c.SpoolLimit))
	l.recovered(fresh)
	l.recovered(parked)
	l.look = time.AfterFunc(abandonedAfter, func() { l.abandoned(c.SpoolPath) })
	l.sender = newSender(p, fresh, parked, c.SpoolLinger)
	go l.sender.run()
	return nil
}

// measure makes the metrics.
func (l *spooling) measure(limit float64) {
	host := l.plugin.host
	l.frames = host.Gauge("spool_frames", "Chunks that wait in the spool.")
	l.bytes = host.Gauge("spool_bytes", "Bytes of the spool's files.")
	l.oldest = host.Gauge("spool_oldest_seconds", "How long the oldest chunk has waited in the spool.")
	host.Gauge("spool_limit_bytes", "Spool_Limit.").Set(limit)
	l.damaged = host.Counters("spool_damaged_frames_total", "Chunks in the spool that were damaged, or missing.", "", nil)
	l.update()
}

// update reads the metrics' values.
func (l *spooling) update() {
	fresh, parked := l.fresh.Stats(), l.parked.Stats()
	l.frames.Set(float64(fresh.Frames + parked.Frames))
	l.bytes.Set(float64(fresh.Bytes + parked.Bytes))
	oldest := 0.0
	if !fresh.Oldest.IsZero() {
		oldest = max(0, time.Since(fresh.Oldest).Seconds())
	}
	l.oldest.Set(oldest)
}

// publish shows the metrics as they are now, since no flush may come to do it.
func (l *spooling) publish() {
	l.update()
	l.plugin.host.Publish()
}

// enqueue is a flush with a spool: it ends when the chunk is safe.
func (p *Plugin) enqueue(tag string, data []byte) Outcome {
	l := p.spooling
	records, malformed := countRecords(data)
	account := Account{Received: records + malformed}
	defer func() {
		l.update()
		p.report.settle(&account)
	}()
	if account.Received == 0 {
		return OK // markers of groups, if anything
	}
	if records == 0 {
		account.Malformed = malformed
		p.report.malformed(tag, "nothing in their chunk is an event")
		return Error
	}
	err := l.fresh.Append(spool.Frame{Tag: tag, Chunk: data, Records: account.Received}, spool.WithinLimit)
	l.appended(err)
	if err != nil {
		account.Returned = account.Received
		return Retry
	}
	account.Spooled = account.Received
	return OK
}

// countRecords walks over a chunk.
func countRecords(data []byte) (records, malformed int) {
	reader := chunk.NewReader(data)
	var e chunk.Event
	for {
		err := reader.Next(&e)
		if err == nil {
			err = reader.Bound(&e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return records, malformed
		case errors.Is(err, chunk.ErrTruncated):
			return records, malformed + 1
		case err != nil:
			malformed++
		case e.Kind == chunk.Log:
			records++
		}
	}
}

// appended tells when chunks can't be appended, and when they can again.
func (l *spooling) appended(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		if took, told := l.refusing.end(); told {
			l.plugin.host.Log(fluentbit.Info, "the spool takes chunks again, after %s", took)
		}
		return
	}
	if !l.refusing.begin() {
		return
	}
	stats := l.fresh.Stats()
	if errors.Is(err, spool.ErrFull) {
		l.plugin.host.Log(fluentbit.Warn, "the spool is full (Spool_Limit, %d chunks wait in %d bytes): chunks go back to Fluent Bit, which brings them again", stats.Frames, stats.Bytes)
		return
	}
	l.plugin.host.Log(fluentbit.Error, "the spool can't be written (%v): chunks go back to Fluent Bit, which brings them again", err)
}

// checkpointed tells when checkpoints can't be written.
func (l *spooling) checkpointed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		if took, told := l.unwritten.end(); told {
			l.plugin.host.Log(fluentbit.Info, "the spool's checkpoint can be written again, after %s", took)
		}
	} else if l.unwritten.begin() {
		l.plugin.host.Log(fluentbit.Error, "the spool's checkpoint can't be written (%v): after a crash, what was sent since may be there twice unless Generate_ID is on", err)
	}
}

// unreadable tells that a segment can't be read.
func (l *spooling) unreadable(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unread.begin() {
		l.plugin.host.Log(fluentbit.Error, "the spool can't be read: %v", err)
	}
}

// readable tells that it can be again.
func (l *spooling) readable() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took, told := l.unread.end(); told {
		l.plugin.host.Log(fluentbit.Info, "the spool can be read again, after %s", took)
	}
}

// parkedFrames tells when chunks that wait for somebody's hand can't be put
// apart, so that all others wait behind them, and when they can again.
func (l *spooling) parkedFrames(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		if took, told := l.unparked.end(); told {
			l.plugin.host.Log(fluentbit.Info, "the spool goes on sending, after %s", took)
		}
		return
	}
	if !l.unparked.begin() {
		return
	}
	if errors.Is(err, spool.ErrFull) {
		err = fmt.Errorf("they fill their part of Spool_Limit, which is 1/%d of it", parkedShare)
	}
	l.plugin.host.Log(fluentbit.Error, "chunks that wait until somebody mends a setting can't be put apart (%v): the spool waits with them", err)
}

// lost tells of damage, each by itself: every one is somebody's records.
func (l *spooling) lost(frames int, what, file string, err error) {
	l.damaged.Add(0, frames)
	switch {
	case err != nil:
		file = fmt.Sprintf("it could not be copied: %v", err)
	case file == "":
		file = "there is nothing left to copy, or no room for it"
	default:
		file = "its bytes are in " + file
	}
	l.plugin.host.Log(fluentbit.Error, "%s; %s", what, file)
}

// recovered tells what an earlier run left.
func (l *spooling) recovered(s *spool.Spool) {
	found, host := s.Recovery(), l.plugin.host
	if found.Frames > 0 {
		host.Log(fluentbit.Info, "spool %s: %d chunks wait from an earlier run", s.Dir(), found.Frames)
	}
	if found.TornBytes > 0 {
		host.Log(fluentbit.Info, "spool %s: %d bytes of chunks were being written when the agent ended; they were not acknowledged, and Fluent Bit brings them again", s.Dir(), found.TornBytes)
	}
	if found.Checkpoint != "" {
		host.Log(fluentbit.Warn, "spool %s: %s", s.Dir(), found.Checkpoint)
	}
}

// abandoned tells of spools beside this one that no instance uses.
func (l *spooling) abandoned(root string) {
	left, err := spool.Abandoned(root, l.fresh.Dir())
	if err != nil {
		return // the instance works without an answer
	}
	for _, s := range left {
		l.plugin.host.Log(fluentbit.Warn, "spool %s holds %d bytes that no output sends: give one the Alias %q, or remove the folder", s.Dir, s.Bytes, filepath.Base(s.Dir))
	}
}

// close ends the sender and gives the folder back.
func (l *spooling) close() {
	l.look.Stop()
	if !l.sender.stop() {
		// The disk hangs. Its lock must not be given away before the sender is
		// done with it, and not be kept from the instance that follows after that.
		go func() {
			<-l.sender.done
			l.release()
		}()
		return
	}
	l.release()
	l.update()
}

// release gives the files and the locks back.
func (l *spooling) release() {
	l.sender.fresh.reader.Close()
	l.sender.parked.reader.Close()
	_ = l.fresh.Close() // what was acknowledged is written
	_ = l.parked.Close()
}

// String describes the spool for the start-up line. A nil l is none.
func (l *spooling) String() string {
	if l == nil {
		return "no spool"
	}
	return "spool in " + l.fresh.Dir()
}

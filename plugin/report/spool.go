package report

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"out_es/plugin/fluentbit"
	"out_es/plugin/spool"
)

// Spool reports on an instance's spool: its metrics, and log lines for troubles
// when they begin, once a minute, and when they end. It is safe for concurrent
// use.
type Spool struct {
	host                  *fluentbit.Instance
	chunks, bytes, oldest *fluentbit.Gauge
	damaged               *fluentbit.Counters

	mu sync.Mutex
	// full, heldBack, unwritten, unread and unparked are troubles that last.
	full, heldBack, unwritten, unread, unparked condition
}

// condition is a trouble that is logged when it begins, once a minute, and when it
// ends.
type condition struct {
	since, lastLogged time.Time
}

// begin reports whether the trouble is to be told now.
func (l *condition) begin() bool {
	now := time.Now()
	if l.since.IsZero() {
		l.since = now
	}
	if now.Sub(l.lastLogged) < reminder {
		return false
	}
	l.lastLogged = now
	return true
}

// end reports whether a trouble that was told is over, and how long it was.
func (l *condition) end() (time.Duration, bool) {
	if l.since.IsZero() {
		return 0, false
	}
	took := time.Since(l.since).Round(time.Millisecond)
	*l = condition{}
	return took, true
}

// Spool makes the metrics of a spool, which is limited to so many bytes.
func (r *Reporter) Spool(limit int64) *Spool {
	s := &Spool{
		host:   r.host,
		chunks: r.host.Gauge("spool_chunks", "Chunks waiting in the spool."),
		bytes:  r.host.Gauge("spool_bytes", "Size of the files of the spool."),
		oldest: r.host.Gauge("spool_oldest_chunk_seconds", "Age of the oldest chunk in the spool."),
	}
	r.host.Gauge("spool_limit_bytes", "Maximum size of the spool (Spool_Limit).").Set(float64(limit))
	s.damaged = r.host.Counters("spool_damaged_chunks_total", "Chunks of the spool that were found damaged or missing.", "", nil)
	return s
}

// Update sets the gauges: fresh are chunks that flushes appended, parked those
// that wait until their destination takes them.
func (s *Spool) Update(fresh, parked spool.Stats) {
	s.chunks.Set(float64(fresh.Frames + parked.Frames))
	s.bytes.Set(float64(fresh.Bytes + parked.Bytes))
	oldest := 0.0
	if !fresh.Oldest.IsZero() {
		oldest = max(0, time.Since(fresh.Oldest).Seconds())
	}
	s.oldest.Set(oldest)
}

// Publish shows all metrics as they are now, since no flush may come to do it.
func (s *Spool) Publish() { s.host.Publish() }

// Appended tells when chunks can't be appended to a spool that holds so much, and
// when they can again.
func (s *Spool) Appended(holds func() spool.Stats, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		if took, told := s.full.end(); told {
			s.host.Log(fluentbit.Info, "the spool accepts chunks again, after %s", took)
		}
		return
	}
	if !s.full.begin() {
		return
	}
	if errors.Is(err, spool.ErrFull) {
		stats := holds()
		s.host.Log(fluentbit.Warn, "the spool is full (Spool_Limit, %d chunks wait in %d bytes): chunks go back to Fluent Bit, which retries them", stats.Frames, stats.Bytes)
		return
	}
	s.host.Log(fluentbit.Error, "the spool can't be written (%v): chunks go back to Fluent Bit, which retries them", err)
}

// Checkpointed tells when checkpoints can't be written.
func (s *Spool) Checkpointed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		if took, told := s.unwritten.end(); told {
			s.host.Log(fluentbit.Info, "the spool's checkpoint can be written again, after %s", took)
		}
	} else if s.unwritten.begin() {
		s.host.Log(fluentbit.Error, "the spool's checkpoint can't be written (%v): after a crash, records sent since may be duplicated unless Generate_ID is on", err)
	}
}

// Unreadable tells that a segment can't be read.
func (s *Spool) Unreadable(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread.begin() {
		s.host.Log(fluentbit.Error, "the spool can't be read: %v", err)
	}
}

// Readable tells that it can be again.
func (s *Spool) Readable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took, told := s.unread.end(); told {
		s.host.Log(fluentbit.Info, "the spool can be read again, after %s", took)
	}
}

// Parked tells when chunks that can't be delivered now can't be moved out of the
// others' way, so that all wait behind them, and when they can again.
func (s *Spool) Parked(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		if took, told := s.unparked.end(); told {
			s.host.Log(fluentbit.Info, "the spool delivers again, after %s", took)
		}
		return
	}
	if s.unparked.begin() {
		s.host.Log(fluentbit.Error, "chunks of a held destination can't be moved to later/ (%v): the spool waits with them", err)
	}
}

// HeldBack tells when chunks of a destination are not taken into the spool since
// it has its share of it, and when all are again.
func (s *Spool) HeldBack(destination string, share int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if destination == "" {
		if took, told := s.heldBack.end(); told {
			s.host.Log(fluentbit.Info, "the spool accepts chunks of all destinations again, after %s", took)
		}
	} else if s.heldBack.begin() {
		s.host.Log(fluentbit.Warn, "chunks for %s have reached their share of the spool (Spool_Held_Share, %d %% of Spool_Limit): further ones go back to Fluent Bit, which retries them; chunks for other destinations are accepted", destination, share)
	}
}

// Lost logs damage, each piece by itself: each contained records. file is the copy of the damaged
// bytes, err the reason why there is none.
func (s *Spool) Lost(frames int, what, file string, err error) {
	s.damaged.Add(0, frames)
	switch {
	case err != nil:
		file = fmt.Sprintf("it could not be copied: %v", err)
	case file == "":
		file = "there is nothing left to copy, or no room for it"
	default:
		file = "its bytes are in " + file
	}
	s.host.Log(fluentbit.Error, "%s; %s", what, file)
}

// Recovered logs the content of a folder from an earlier run.
func (s *Spool) Recovered(dir string, found spool.Recovery) {
	if found.Frames > 0 {
		s.host.Log(fluentbit.Info, "spool %s: %d chunks wait from an earlier run", dir, found.Frames)
	}
	if found.TornBytes > 0 {
		s.host.Log(fluentbit.Info, "spool %s: %d bytes of chunks were being written when the agent ended; they were not acknowledged, and Fluent Bit retries them", dir, found.TornBytes)
	}
	if found.Unwritten != nil {
		s.Checkpointed(found.Unwritten)
	}
	if found.Checkpoint != "" {
		s.host.Log(fluentbit.Warn, "spool %s: %s", dir, found.Checkpoint)
	}
}

// Abandoned tells of a spool beside this one that no instance uses.
func (s *Spool) Abandoned(dir string, bytes int64) {
	s.host.Log(fluentbit.Warn, "spool %s holds %d bytes that no output sends: give one the Alias %q, or remove the folder", dir, bytes, filepath.Base(dir))
}

package drain

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_es/plugin/bulk"
)

// hung is longer than anything here takes on a busy machine, and shorter than a call that hangs.
const hung = 20 * time.Second

// troubled is an instance whose sender waits in its first request until resume is closed, while a
// spool of several segments grows.
type troubled struct {
	*running
	segments []string
	sent     atomic.Int64 // frames, of one record each
	resume   func()
}

const (
	troubledFrames = 24
	// troubledBytes make segments of Spool_Limit 16M, which are an eighth of 14 MB,
	// hold six frames.
	troubledBytes = 300_000
)

func newTroubled(t *testing.T, patience time.Duration) *troubled {
	t.Helper()
	gate := make(chan bool)
	m := &troubled{resume: func() { close(gate) }}
	o := options(t.TempDir())
	o.Linger, o.Limit, o.Policy.Bytes = 0, 16<<20, 512<<10
	m.running = prepare(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		<-gate
		for range req.Positions() {
			each(bulk.Item{Status: 201})
			m.sent.Add(1)
		}
		return len(req.Positions()), nil
	})
	m.sender.fresh.patience = patience
	m.begin()
	text := strings.Repeat("x", troubledBytes)
	record := binary.BigEndian.AppendUint32([]byte("\x92\x00\x81\xa1t\xdb"), troubledBytes)
	for i := range troubledFrames {
		m.flush(t, fmt.Sprint("tag", i), string(record)+text)
	}
	m.segments, _ = filepath.Glob(filepath.Join(m.Dir(), "segment-*"))
	if len(m.segments) < 4 {
		t.Fatalf("%d segments", len(m.segments))
	}
	return m
}

// replace puts a link in place of a segment, and returns a function that undoes it.
func (m *troubled) replace(t *testing.T, n int, target string) (restore func()) {
	t.Helper()
	path := m.segments[n]
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return func() {
		if os.Remove(path) != nil || os.Rename(path+".away", path) != nil {
			t.Errorf("%s does not come back", path)
		}
	}
}

// lines are those with a text that reached the log.
func (m *troubled) lines(text string) (n int) {
	m.instance.Service() // as Fluent Bit's thread does with each flush
	for _, line := range m.host.Lines() {
		if strings.Contains(line.Text, text) {
			n++
		}
	}
	return n
}

// Errors of reading that say nothing of the data last as long as they last:
// nothing is given up.
func TestASpoolThatCannotBeOpenedWaits(t *testing.T) {
	m := newTroubled(t, 10*time.Millisecond)
	restore := m.replace(t, 2, m.segments[2]) // too many levels of symbolic links: neither missing nor damaged
	m.resume()
	waitFor(t, "the trouble is told", func() bool { return m.lines("the spool can't be read") == 1 })
	before := m.sent.Load()
	time.Sleep(300 * time.Millisecond) // many tries
	if after := m.sent.Load(); before < 2 || after >= troubledFrames || m.host.Count("spool_damaged_chunks_total", "") != 0 {
		t.Errorf("%d frames were sent, then %d; %d damaged", before, after, m.host.Count("spool_damaged_chunks_total", ""))
	}
	restore()
	waitFor(t, "all arrive", func() bool { return m.sent.Load() == troubledFrames })
	waitFor(t, "the end is told", func() bool { return m.lines("the spool can be read again") == 1 })
	m.close()
	if damaged := m.host.Count("spool_damaged_chunks_total", ""); damaged != 0 || m.sent.Load() != troubledFrames {
		t.Errorf("%d damaged, %d sent", damaged, m.sent.Load())
	}
}

// An unreadable disk (a real input/output error, which the first bytes of /proc/self/mem give) is
// read again for a while; then its data is given up and reported, and the rest continues.
func TestADiskThatCannotBeReadCostsWhatLiesThere(t *testing.T) {
	const errors = "/proc/self/mem"
	if _, err := os.Stat(errors); err != nil {
		t.Skip(err)
	}
	t.Run("for a moment", func(t *testing.T) {
		m := newTroubled(t, time.Minute)
		restore := m.replace(t, 2, errors)
		m.resume()
		waitFor(t, "the trouble is told", func() bool { return m.lines("input/output error") == 1 })
		time.Sleep(200 * time.Millisecond) // many tries
		restore()
		waitFor(t, "all arrive", func() bool { return m.sent.Load() == troubledFrames })
		m.close()
		if damaged := m.host.Count("spool_damaged_chunks_total", ""); damaged != 0 {
			t.Errorf("%d damaged", damaged)
		}
	})
	t.Run("for good", func(t *testing.T) {
		m := newTroubled(t, 100*time.Millisecond)
		m.replace(t, 2, errors)
		m.resume()
		waitFor(t, "the spool is empty", func() bool { return m.fresh.Stats().Frames == 0 })
		m.close()
		sent, damaged := m.sent.Load(), m.host.Count("spool_damaged_chunks_total", "")
		if sent+int64(damaged) != troubledFrames || damaged < 4 || damaged > 6 {
			t.Errorf("%d sent and %d damaged of %d frames", sent, damaged, troubledFrames)
		}
	})
}

// away sends to a closed port.
func away(*bulk.Request, func(bulk.Item)) (int, *bulk.Failure) {
	return 0, &bulk.Failure{Class: bulk.Unreachable}
}

// A clock that was set back makes no frame wait until the time is as late again.
func TestAFrameFromTheFutureIsSentNow(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.Linger = time.Minute
	r := start(t, o, away)
	r.flush(t, "tag", withTime)
	r.close()
	segments, _ := filepath.Glob(filepath.Join(dir, "segment-*"))
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(text[16:], uint64(time.Now().Add(time.Hour).UnixNano())) // plugin/spool/frame.go has the layout
	binary.BigEndian.PutUint32(text[44:], crc32.Checksum(text[:44], crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	r = start(t, o, away)
	defer r.close()
	waitFor(t, "it is tried", r.deliverer.Closed)
}

// The last second of an exit is for deliveries that make progress. Failures are not repeated
// without a pause.
func TestAnExitDoesNotHammer(t *testing.T) {
	var requests atomic.Int64
	o := options(t.TempDir())
	o.Policy.InitialPause, o.Policy.MaxPause = time.Minute, time.Minute
	r := start(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		requests.Add(1)
		for range req.Positions() {
			each(bulk.Item{Status: 429})
		}
		return len(req.Positions()), nil
	})
	r.flush(t, "tag", withTime)
	waitFor(t, "a request", func() bool { return requests.Load() > 0 })
	before, began := requests.Load(), time.Now()
	r.close()
	if n, took := requests.Load()-before, time.Since(began); n > 2 || took > hung {
		t.Errorf("%d more requests in %s", n, took)
	}
}

// An exit does not wait for a sender that hangs. The next instance gets the
// spool when it does end.
func TestASenderThatEndsLateGivesTheSpoolBack(t *testing.T) {
	dir := t.TempDir()
	hangs := make(chan bool)
	came := make(chan bool, 1)
	hang := func(*bulk.Request, func(bulk.Item)) (int, *bulk.Failure) {
		came <- true
		<-hangs
		return 0, &bulk.Failure{Class: bulk.Canceled}
	}
	r := start(t, options(dir), hang)
	r.flush(t, "tag", withTime)
	<-came
	began := time.Now()
	r.close()
	if took := time.Since(began); took > hung {
		t.Errorf("the exit took %s", took)
	}
	time.AfterFunc(500*time.Millisecond, func() { close(hangs) })
	r = start(t, options(dir), away)
	if frames := r.fresh.Stats().Frames; frames != 1 {
		t.Errorf("%d frames", frames)
	}
	r.close()
}

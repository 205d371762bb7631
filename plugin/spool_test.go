package plugin_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
	"out_es/test/support"
)

// hung is longer than anything here takes on a busy machine, and shorter than a call that hangs.
const hung = 20 * time.Second

// spooled is an instance with a spool in dir.
func spooled(t testing.TB, e *elasticsearch, dir string, more section) (*plugin.Plugin, *fluentbittest.Recorder) {
	t.Helper()
	s := section{"Spool_Path": dir, "Spool_Linger": "0"}
	for name, value := range more {
		s[name] = value
	}
	return instance(t, e, s)
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	support.Eventually(t, time.Minute, what, holds)
}

func (e *elasticsearch) has(n int) func() bool {
	return func() bool { return len(e.numbers()) >= n }
}

// numberedFrom is numbered(n), counted from first.
func numberedFrom(first, n int) []byte {
	var events [][]byte
	for i := range n {
		events = append(events, event(object{"n", first + i}))
	}
	return slices.Concat(events...)
}

// bring hands chunks of three records over, each of a tag of its own.
func bring(t testing.TB, p *plugin.Plugin, chunks int) {
	t.Helper()
	for i := range chunks {
		data := numberedFrom(3*i, 3)
		if outcome := p.Flush(fmt.Sprintf("tag.%d", i), data); outcome != plugin.OK {
			t.Fatalf("outcome %v", outcome)
		}
		clear(data) // it was borrowed
	}
}

func TestASpoolMakesOneRequestOfManyTags(t *testing.T) {
	e := newElasticsearch(t)
	p, host := spooled(t, e, t.TempDir(), section{"Spool_Linger": "300ms", "Index": "logs-$TAG[1]"})
	bring(t, p, 100)
	eventually(t, "all arrive", e.has(300))
	if n := len(e.requests); n > 2 {
		t.Errorf("%d requests for 100 tags", n)
	}
	for _, d := range e.documents {
		if n, _ := d.Source["n"].(float64); d.Index != fmt.Sprintf("logs-%d", int(n)/3) {
			t.Fatalf("record %v is in %s", n, d.Index)
		}
	}
	if got := e.numbers(); !slices.Equal(got, upTo(300)) {
		t.Errorf("documents %v", got)
	}
	p.Close()
	counts(t, host, map[string]int{"spooled": 300, "accepted": 300})
	if frames := host.Gauge("spool_chunks"); frames != 0 {
		t.Errorf("%v frames are left", frames)
	}
}

// While less than a full request waits, requests end at half a megabyte of memory. Compressed ones
// take less than that, and those of a backlog are full.
func TestRequestsOfAnOrdinaryDayAreModest(t *testing.T) {
	const chunks, chunkBytes = 60, 40 << 10
	for name, c := range map[string]struct {
		settings       section
		chunks, bytes  int // how many there are, and of each
		largest, least int // bytes of the largest request
	}{
		"ordinary day":            {section{"Compress": "off", "Bulk_Size": "5M"}, chunks, chunkBytes, 512<<10 + 2*chunkBytes, 512 << 10},
		"backlog":                 {section{"Compress": "off", "Bulk_Size": "1M"}, chunks, chunkBytes, 1<<20 + chunkBytes, 1<<20 - chunkBytes},
		"backlog of small chunks": {section{"Compress": "off", "Bulk_Size": "5M"}, 1000, 1 << 10, 2 << 20, 1000 << 10}, // as many as a request takes
		"compressed":              {section{"Compress": "gzip", "Bulk_Size": "5M"}, chunks, chunkBytes, 3 << 20, chunks * chunkBytes},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			e.instead = status(503, "")
			dir := t.TempDir()
			p, _ := spooled(t, e, dir, c.settings)
			for i := range c.chunks {
				data := event(object{"n", i, "text", strings.Repeat("x", c.bytes)})
				if outcome := p.Flush("tag", data); outcome != plugin.OK {
					t.Fatalf("outcome %v", outcome)
				}
			}
			p.Close()
			e.set(func() { e.instead, e.largest = nil, 0 })
			p, _ = spooled(t, e, dir, c.settings)
			eventually(t, "all arrive", e.has(c.chunks))
			p.Close()
			if e.largest < c.least || e.largest > c.largest {
				t.Errorf("the largest request has %d bytes, not %d to %d", e.largest, c.least, c.largest)
			}
			if got := e.numbers(); !slices.Equal(got, upTo(c.chunks)) {
				t.Errorf("documents %v", got)
			}
		})
	}
}

// A flush is OK while Elasticsearch is away, and its records arrive later, also from another
// process.
func TestASpoolOutlivesAnOutageAndTheInstance(t *testing.T) {
	for _, ids := range []string{"on", "off"} {
		e := newElasticsearch(t)
		e.instead = status(503, "")
		dir := t.TempDir()
		p, host := spooled(t, e, dir, section{"Generate_ID": ids})
		bring(t, p, 20)
		eventually(t, "the outage is met", func() bool { return len(lines(host, "503")) > 0 || requestsOf(e) > 0 })
		began := time.Now()
		p.Close()
		if took := time.Since(began); took > hung {
			t.Errorf("the exit took %s", took)
		}
		if host.Gauge("spool_chunks") != 20 || host.Gauge("spool_bytes") == 0 {
			t.Errorf("%v frames, %v bytes", host.Gauge("spool_chunks"), host.Gauge("spool_bytes"))
		}
		e.set(func() { e.instead = nil })
		p, host = spooled(t, e, dir, section{"Generate_ID": ids})
		eventually(t, "all arrive", e.has(60))
		p.Close()
		if got := e.numbers(); !slices.Equal(got, upTo(60)) {
			t.Errorf("documents %v", got)
		}
		if told := lines(host, "20 chunks wait from an earlier run"); len(told) != 1 {
			t.Errorf("%v", host.Lines())
		}
	}
}

func requestsOf(e *elasticsearch) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.requests)
}

// partlySettled reports whether the checkpoint in dir knows so many frames of which
// something is settled (plugin/spool/checkpoint.go has its layout).
func partlySettled(dir string, frames uint32) func() bool {
	return func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "es_go.0", "checkpoint.v1"))
		return err == nil && len(text) > 44 && binary.BigEndian.Uint32(text[40:]) == frames
	}
}

// The settled items of an answer are stored at once: another process sends the rest only, although
// there are no ids.
func TestSettledEventsOfAFrameAreKnownToTheNextProcess(t *testing.T) {
	e := newElasticsearch(t)
	e.refuse = rejects(itemError{429, "es_rejected_execution_exception", "full"}, 1, 5, 6)
	dir := t.TempDir()
	p, _ := spooled(t, e, dir, section{"Spool_Linger": "200ms", "Retry_Budget": "1m"}) // one request, that goes on
	bring(t, p, 4)
	eventually(t, "the others arrive", e.has(9))
	copied := filepath.Join(t.TempDir(), "spool") // the files after a kill at this moment
	eventually(t, "the checkpoint is written", partlySettled(dir, 4))
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	e.set(func() { e.refuse = nil }) // so that the exit cuts nothing off
	p.Close()
	other := newElasticsearch(t)
	next, _ := spooled(t, other, copied, nil)
	eventually(t, "the rest arrives", other.has(3))
	next.Close()
	if got := other.numbers(); !slices.Equal(got, []int{1, 5, 6}) {
		t.Errorf("documents %v", got)
	}
}

// A large chunk is several requests, each settled by itself.
func TestALargeFrameIsSeveralRequests(t *testing.T) {
	for _, ids := range []string{"on", "off"} {
		e := newElasticsearch(t)
		p, host := spooled(t, e, t.TempDir(), section{"Bulk_Size": "1K", "Generate_ID": ids})
		want := slices.Concat(numberedFrom(0, 500), numberedFrom(100, 3)) // three have an equal in the chunk
		for _, data := range [][]byte{numberedFrom(1000, 5), want, numberedFrom(2000, 5)} {
			if outcome := p.Flush("tag", data); outcome != plugin.OK {
				t.Fatalf("outcome %v", outcome)
			}
		}
		eventually(t, "all arrive", e.has(513))
		p.Close()
		if e.largest > 1<<10+100 || len(e.numbers()) != 513 {
			t.Errorf("%d documents, the largest request has %d bytes", len(e.numbers()), e.largest)
		}
		counts(t, host, map[string]int{"spooled": 513, "accepted": 513})
	}
}

func TestRejectedDocumentsOfASpoolCostNoOthers(t *testing.T) {
	for name, c := range map[string]struct {
		more section
		want map[string]int
	}{
		"dropped":       {nil, map[string]int{"spooled": 30, "accepted": 27, "dropped": 3}},
		"letters index": {section{"Dead_Letter_Index": "dead"}, map[string]int{"spooled": 30, "accepted": 27, "dead_lettered": 3}},
		"letters file":  {section{"Dead_Letter_File": filepath.Join(t.TempDir(), "dead")}, map[string]int{"spooled": 30, "accepted": 27, "dead_lettered": 3}},
	} {
		e := newElasticsearch(t)
		e.refuse = rejects(mismatch, 1, 13, 14)
		p, host := spooled(t, e, t.TempDir(), c.more)
		bring(t, p, 10)
		eventually(t, name, func() bool { p.Flush("none", nil); return allSent(host) })
		p.Close()
		counts(t, host, c.want)
	}
}

// A request that is illegal as a whole, or too large, is taken apart.
func TestAGuiltyDocumentOfASpoolIsFound(t *testing.T) {
	e := newElasticsearch(t)
	e.limit = 600
	p, _ := spooled(t, e, t.TempDir(), section{"Compress": "off", "Spool_Linger": "100ms"})
	bring(t, p, 40)
	eventually(t, "all arrive", e.has(120))
	p.Close()
	if got := e.numbers(); !slices.Equal(got, upTo(120)) {
		t.Errorf("documents %v", got)
	}
}

// Records that settings keep out wait aside, and delay no others; after the repair they arrive, in
// this process or another one.
func TestSettingsFaultsHoldNothingUp(t *testing.T) {
	for name, more := range map[string]section{
		"settings":   {},
		"on refusal": {"On_Rejection": "retry"},
	} {
		e := newElasticsearch(t)
		wrong := itemError{403, "security_exception", "no"}
		if name == "on refusal" {
			wrong = mismatch
		}
		e.refuse = rejects(wrong, 4, 5)
		dir := t.TempDir()
		more["Retry_Max"], more["Retry_Initial"] = "50ms", "5ms"
		p, host := spooled(t, e, dir, more)
		bring(t, p, 10)
		eventually(t, name+": the others arrive", e.has(28))
		eventually(t, name+": it is parked", func() bool { p.Flush("none", nil); return host.Count("records_total", "parked") >= 2 })
		eventually(t, name+": no other frame waits", func() bool { return host.Gauge("spool_chunks") == 1 })
		p.Close()
		p, _ = spooled(t, e, dir, more)
		e.set(func() { e.refuse = nil })
		eventually(t, name+": the rest arrives", e.has(30))
		p.Close()
		if got := e.numbers(); !slices.Equal(got, upTo(30)) {
			t.Errorf("%s: documents %v", name, got)
		}
	}
}

func TestAFullSpoolGivesChunksBackAndLogsOnce(t *testing.T) {
	e := newElasticsearch(t)
	e.instead = status(503, "")
	p, host := spooled(t, e, t.TempDir(), section{"Spool_Limit": "16M"})
	data := event(object{"n", 1, "text", strings.Repeat("x", 1<<20)})
	taken := 0
	for p.Flush("tag", data) == plugin.OK {
		taken++
	}
	if p.Flush("tag", data) != plugin.Retry || taken < 14 || taken > 15 {
		t.Errorf("%d chunks of 1 MB in 16 MB", taken)
	}
	if told := lines(host, "Spool_Limit"); len(told) != 1 {
		t.Errorf("told: %v", told)
	}
	e.set(func() { e.instead = nil })
	eventually(t, "there is room again", func() bool { return p.Flush("tag", data) == plugin.OK })
	if told := lines(host, "accepts chunks again"); len(told) != 1 {
		t.Errorf("told: %v", told)
	}
	eventually(t, "all arrive", e.has(taken+1))
	p.Close()
}

func TestASecondInstanceOnASpoolIsRejected(t *testing.T) {
	e := newElasticsearch(t)
	dir := t.TempDir()
	spooled(t, e, dir, nil)
	_, err := plugin.New(section{"Hosts": e.URL, "Spool_Path": dir}.lookup, fluentbittest.NewRecorder("es_go.0").Instance())
	if err == nil || !strings.Contains(err.Error(), "Spool_Path") || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "Alias") {
		t.Errorf("%v", err)
	}
	if _, err := plugin.New(section{"Hosts": e.URL, "Spool_Limit": "20M"}.lookup, silent()); err == nil || !strings.Contains(err.Error(), "works only with Spool_Path") {
		t.Errorf("%v", err)
	}
}

func TestDamagedFramesAreLoggedAndCounted(t *testing.T) {
	e := newElasticsearch(t)
	e.instead = status(503, "")
	dir := t.TempDir()
	p, _ := spooled(t, e, dir, nil)
	bring(t, p, 10)
	p.Close()
	segments, _ := filepath.Glob(filepath.Join(dir, "es_go.0", "segment-*"))
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text[60] ^= 1             // in the first frame's chunk
	text[len(text)/2] ^= 0xff // somewhere in another one
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	e.set(func() { e.instead = nil })
	p, host := spooled(t, e, dir, nil)
	eventually(t, "the others arrive", e.has(24))
	p.Close()
	if n := len(e.numbers()); n != 24 || host.Count("spool_damaged_chunks_total", "") != 2 || len(lines(host, "damaged-")) != 2 {
		t.Errorf("%d documents, %d damaged frames, %v", n, host.Count("spool_damaged_chunks_total", ""), host.Lines())
	}
}

func TestGarbageIsNoFrame(t *testing.T) {
	e := newElasticsearch(t)
	p, host := spooled(t, e, t.TempDir(), nil)
	if outcome := p.Flush("tag", []byte{42, 42}); outcome != plugin.Error {
		t.Errorf("outcome %v", outcome)
	}
	if outcome := p.Flush("tag", slices.Concat(numbered(2), []byte{42}, numbered(1), []byte{0x93})); outcome != plugin.OK {
		t.Errorf("outcome %v", outcome)
	}
	eventually(t, "the events arrive", e.has(3))
	p.Close()
	counts(t, host, map[string]int{"spooled": 5, "accepted": 3, "malformed": 4})
}

func TestAnAbandonedSpoolIsLogged(t *testing.T) {
	support.LongForm(t) // it waits for five seconds
	t.Parallel()
	e := newElasticsearch(t)
	e.instead = status(503, "")
	dir := t.TempDir()
	p, _ := spooled(t, e, dir, nil)
	bring(t, p, 3)
	p.Close()
	host := fluentbittest.NewRecorder("other")
	p, err := plugin.New(section{"Hosts": e.URL, "Spool_Path": dir}.lookup, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	eventually(t, "it is told", func() bool {
		p.Flush("none", nil)
		told := lines(host, "no output sends")
		return len(told) == 1 && strings.Contains(told[0].Text, `Alias "es_go.0"`)
	})
}

// Whatever Elasticsearch answers, and whenever an instance ends and another one
// goes on, every record arrives; with ids once.
func TestASpoolBroughtThroughRandomTroubleLosesNothing(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	together := 0
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 9))
		ids := []string{"on", "off"}[seed%2]
		e := newElasticsearch(t)
		trouble := rand.New(rand.NewPCG(seed, 10))
		e.instead = func(_ int, w http.ResponseWriter) bool {
			e.mute = -1
			switch trouble.IntN(8) {
			case 0:
				w.WriteHeader(503)
				return true
			case 1:
				e.mute = 1 // taken, not answered
			}
			return false
		}
		e.refuse = func(document) *itemError {
			if trouble.IntN(20) == 0 {
				return &itemError{429, "es_rejected_execution_exception", "full"}
			}
			return nil
		}
		dir, next := t.TempDir(), 0
		c, address := before(t, e, time.Millisecond)
		for range 6 {
			p, _ := spooled(t, e, dir, section{"Hosts": address, "Generate_ID": ids, "Bulk_Size": "2K", "Spool_Linger": "2ms", "Retry_Initial": "1ms", "Retry_Max": "20ms"})
			for range random.IntN(20) {
				n := 1 + random.IntN(60)
				if outcome := p.Flush(fmt.Sprint("tag", next%5), numberedFrom(next, n)); outcome != plugin.OK {
					t.Fatalf("outcome %v", outcome)
				}
				next += n
				time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
			}
			p.Close()
		}
		e.set(func() { e.instead, e.refuse, e.mute = nil, nil, -1 })
		p, _ := spooled(t, e, dir, section{"Hosts": address, "Generate_ID": ids, "Retry_Initial": "1ms", "Retry_Max": "20ms"})
		eventually(t, "every record is there", func() bool { return len(slices.Compact(e.numbers())) >= next })
		p.Close()
		got := e.numbers()
		if ids == "on" && !slices.Equal(got, upTo(next)) || !slices.Equal(slices.Compact(got), upTo(next)) {
			t.Errorf("seed %d: %d documents of %d records", seed, len(got), next)
		}
		if c.atOnce() > 1 {
			together++
		}
	}
	if t.Logf("two requests were under way at a time with %d of %d seeds", together, seeds); together == 0 {
		t.Error("two requests were never under way at a time")
	}
}

func TestSeriesOfTheSpoolExistOnlyWithOne(t *testing.T) {
	e := newElasticsearch(t)
	_, without := instance(t, e, nil)
	_, with := spooled(t, e, t.TempDir(), nil)
	outcomes := without.Values("records_total")
	if !slices.Contains(outcomes, "accepted") || slices.Contains(outcomes, "spooled") || slices.Contains(outcomes, "parked") || len(without.Values("spool_dequeued_records_total")) > 0 {
		t.Errorf("without a spool: %v, %v", outcomes, without.Values("spool_dequeued_records_total"))
	}
	outcomes = with.Values("records_total")
	if !slices.Contains(outcomes, "spooled") || !slices.Contains(outcomes, "parked") || len(with.Values("spool_dequeued_records_total")) != 1 {
		t.Errorf("with a spool: %v, %v", outcomes, with.Values("spool_dequeued_records_total"))
	}
}

func TestAnInstanceMayBeClosedTwice(t *testing.T) {
	for name, more := range map[string]section{
		"plain":   {"Dead_Letter_File": filepath.Join(t.TempDir(), "dead")},
		"spooled": {"Spool_Path": t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElasticsearch(t)
			p, host := instance(t, e, more)
			if outcome := p.Flush("tag", numbered(3)); outcome != plugin.OK {
				t.Errorf("outcome %v", outcome)
			}
			p.Close()
			p.Close()
			if got := e.numbers(); !slices.Equal(got, upTo(3)) {
				t.Errorf("documents %v", got)
			}
			if told := host.Lines(); !host.Closed() || strings.Contains(fmt.Sprint(told), "fault") {
				t.Errorf("%v", told)
			}
			again, _ := instance(t, e, more) // its files are free
			again.Close()
		})
	}
}

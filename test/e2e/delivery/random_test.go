package delivery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/support"
)

// The parts of a run. SOAK asks for the full form with that many seeds, FAULT_SEED for a single one
// in all variants.
const (
	shortSeeds, shortRecords, shortChunk = 3, 3_000, 60
	soakRecords, soakChunk               = 100_000, 250
	// flushers hand chunks over at the same time, as Workers do.
	flushers = 6
)

// plan says which storms a test goes through.
type plan struct {
	seeds          []uint64
	records, chunk int
	patience       time.Duration // for all chunks of a storm
	short          bool
}

func planned(t *testing.T) plan {
	t.Helper()
	p, seeds := plan{records: shortRecords, chunk: shortChunk, patience: 3 * time.Minute, short: true}, shortSeeds
	if soak := number(t, "SOAK"); soak > 0 {
		p, seeds = plan{records: soakRecords, chunk: soakChunk, patience: 20 * time.Minute}, soak
	}
	for seed := range seeds {
		p.seeds = append(p.seeds, uint64(seed+1))
	}
	if one := number(t, "FAULT_SEED"); one > 0 {
		p.seeds, p.short = []uint64{uint64(one)}, false
	}
	return p
}

// number reads a variable of the environment that is above 0; 0 where it is not set.
func number(t *testing.T, name string) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number above 0", name, text)
	}
	return n
}

func TestRandomFaultsLoseNothing(t *testing.T) {
	p := planned(t)
	variants := []struct {
		name    string
		ids     bool
		options []string
	}{
		{"generated ids", true, []string{"Generate_ID on"}},
		{"ids of Elasticsearch", false, nil},
		{"generated ids and index", true, []string{"Generate_ID on", "Write_Operation index", "Compress off"}},
	}
	for i, seed := range p.seeds {
		for j, variant := range variants {
			if p.short && i%len(variants) != j {
				continue // one variant a seed
			}
			t.Run(fmt.Sprintf("%s seed %d", variant.name, seed), func(t *testing.T) {
				s := e2e.Cluster(t)
				index := e2e.MappedIndex(t, s)
				made := newStorm(t, seed, p.records, p.chunk)
				account := made.weather(t, s, p.patience, append(variant.options, "Index "+index))
				found := made.read(t, s, index)
				if variant.ids {
					found.wantOnce(t)
				} else {
					found.wantExplained(t, account)
				}
			})
		}
	}
}

func TestRandomFaultsBuryEachPoisonRecordOnce(t *testing.T) {
	p := planned(t)
	if p.short {
		p.seeds = p.seeds[:1]
	}
	for _, seed := range p.seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			options := []string{"Generate_ID on", "Index " + index, "Dead_Letter_Index " + index + ".dead"}
			skipUnlessAvailable(t, append(options, "Hosts http://127.0.0.1:1")...)
			made := newStorm(t, seed, p.records, p.chunk)
			made.weather(t, s, p.patience, options)
			made.read(t, s, index).wantOnce(t)
			made.readLetters(t, s, index, index+".dead")
		})
	}
}

// skipUnlessAvailable skips the test where the plugin says that an option is still to come.
func skipUnlessAvailable(t *testing.T, options ...string) {
	t.Helper()
	p, err := e2e.TryInstance(options...)
	if err == nil {
		p.Close()
	} else if strings.Contains(err.Error(), "not available") {
		t.Skip(err)
	}
}

// bulkSizes are drawn from, so that a chunk is one request or several.
var bulkSizes = []int{4 << 10, 8 << 10, 32 << 10}

// weather lets a storm go through the proxy, and returns its account.
func (m *storm) weather(t *testing.T, s *elasticsearch.Server, patience time.Duration, options []string) *faults.Account {
	t.Helper()
	size := bulkSizes[m.seed%3]
	o := faults.Options{Seed: m.seed, Rules: everything(), Guilty: e2e.IsGuilty}
	if m.seed%2 == 0 {
		o.MaxBytes = size * 3 / 4
	}
	if m.busy != nil {
		o.Busy = m.busy.has
	}
	proxy := e2e.StartFaults(t, s, e2e.Hurried(o))
	p := e2e.NewInstance(t, append(options, e2e.Hurry, "Hosts "+proxy.URL(), fmt.Sprintf("Bulk_Size %d", size))...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	flushes := m.flush(ctx, t, p)
	if m.drained != nil {
		m.drained()
	}
	p.Close()
	proxy.Close()
	account := proxy.Account()
	t.Logf("seed %d: %d records in %d chunks, %d flushes, %d requests in %v, %d log lines, %d documents lost from sight; faults %v", m.seed, m.records,
		len(m.chunks), flushes, account.Requests(), time.Since(began).Round(time.Millisecond), strings.Count(p.Log.String(), "\n"), account.LostDocuments(), account.Faults())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat it: FAULT_SEED=%d go test -count=1 -run '%s' ./test/e2e (with SOAK=1 where it was the full form)", m.seed, strings.SplitN(t.Name(), "/", 2)[0])
		}
	})
	if strings.Contains(p.Log.String(), "please report") {
		t.Error("the plugin found a fault in itself")
	}
	return account
}

// flush brings all chunks, several at a time, and returns how many flushes it took.
func (m *storm) flush(ctx context.Context, t *testing.T, p *e2e.Instance) (flushes int) {
	t.Helper()
	queue := make(chan tagged, len(m.chunks))
	var all sync.WaitGroup
	var mu sync.Mutex
	var faults []error
	for range flushers {
		all.Go(func() {
			for chunk := range queue {
				n, err := p.Deliver(ctx, chunk.tag, chunk.data)
				mu.Lock()
				flushes += n
				if err != nil {
					faults = append(faults, err)
				}
				mu.Unlock()
			}
		})
	}
	background, end := context.WithCancel(ctx)
	defer end()
	go func() {
		for background.Err() == nil {
			_, _ = p.Deliver(background, traffic.tag, traffic.data) // it only shows that Elasticsearch takes requests
			time.Sleep(trafficPause)
		}
	}()
	if m.feed != nil {
		m.feed(queue)
	} else {
		for _, chunk := range m.chunks {
			queue <- chunk
		}
	}
	close(queue)
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Error(support.LastLines(err.Error(), 5))
	}
	return flushes
}

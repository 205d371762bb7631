package deliver_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/deliver"
)

func settledOf(positions ...int) *deliver.Settled {
	s := new(deliver.Settled)
	for _, position := range positions {
		s.Set(position)
	}
	return s
}

func positions(s *deliver.Settled, limit int) []int {
	var all []int
	for position := range limit {
		if s.Has(position) {
			all = append(all, position)
		}
	}
	return all
}

func name(tag, data string) func() deliver.Digest {
	return func() deliver.Digest { return deliver.DigestOf(tag, []byte(data)) }
}

func TestSettled(t *testing.T) {
	var s deliver.Settled
	if s.Any() || s.Has(0) || s.Has(1<<20) {
		t.Error("the zero value has something in it")
	}
	want := []int{0, 1, 63, 64, 65, 127, 128, 1000}
	for _, position := range want {
		s.Set(position)
	}
	if got := positions(&s, 2000); !slices.Equal(got, want) || !s.Any() {
		t.Errorf("got %v, want %v", got, want)
	}
	s.Reset()
	if s.Any() || len(positions(&s, 2000)) != 0 {
		t.Error("Reset left something in it")
	}
	s.Set(70) // a word that was used before must not come back
	if got := positions(&s, 2000); !slices.Equal(got, []int{70}) {
		t.Errorf("got %v", got)
	}
}

func TestAChunkIsRemembered(t *testing.T) {
	m := deliver.NewMemory()
	m.Remember(name("tag", "chunk"), settledOf(1, 70), 3)
	var settled deliver.Settled
	if panics := m.Recall(name("tag", "chunk"), &settled); panics != 3 || !slices.Equal(positions(&settled, 100), []int{1, 70}) {
		t.Errorf("%v, %d panics", positions(&settled, 100), panics)
	}
	again := settledOf(5)
	if panics := m.Recall(name("tag", "chunk"), again); panics != 0 || !slices.Equal(positions(again, 100), []int{5}) {
		t.Errorf("what was taken is still there: %v", positions(again, 100))
	}
}

func TestTwinsAreRememberedEachForItself(t *testing.T) {
	m := deliver.NewMemory()
	m.Remember(name("tag", "chunk"), settledOf(1), 0)
	m.Remember(name("tag", "chunk"), settledOf(2, 3), 1)
	for _, want := range [][]int{{1}, {2, 3}, nil} {
		var settled deliver.Settled
		if m.Recall(name("tag", "chunk"), &settled); !slices.Equal(positions(&settled, 100), want) {
			t.Errorf("got %v, want %v", positions(&settled, 100), want)
		}
	}
}

func TestOtherChunksAreOthers(t *testing.T) {
	m := deliver.NewMemory()
	m.Remember(name("tag", "chunk"), settledOf(1), 0)
	for _, other := range [][2]string{{"tag", "chunl"}, {"tah", "chunk"}, {"tagc", "hunk"}, {"", "tagchunk"}, {"chunk", "tag"}} {
		var settled deliver.Settled
		if m.Recall(name(other[0], other[1]), &settled); settled.Any() {
			t.Errorf("%q was taken for another", other)
		}
	}
}

func TestAnEmptyMemoryReadsNoChunk(t *testing.T) {
	m := deliver.NewMemory()
	costly := func() deliver.Digest { t.Error("the chunk was read"); return deliver.Digest{} }
	m.Recall(costly, new(deliver.Settled))
	m.Remember(costly, new(deliver.Settled), 0) // nothing to remember
}

// An outage sends many chunks back of which nothing was settled. They must not
// push out the one of which something was.
func TestUntouchedChunksPushNothingOut(t *testing.T) {
	m := deliver.NewMemory()
	m.Remember(name("tag", "touched"), settledOf(1), 0)
	for n := range 10_000 {
		m.Remember(name("tag", strconv.Itoa(n)), new(deliver.Settled), 0)
	}
	var settled deliver.Settled
	if m.Recall(name("tag", "touched"), &settled); !settled.Has(1) {
		t.Error("it was pushed out")
	}
}

// known are those of n chunks, named by their numbers, that m remembers.
func known(m *deliver.Memory, n int) []int {
	var all []int
	for chunk := range n {
		var settled deliver.Settled
		if m.Recall(name("tag", strconv.Itoa(chunk)), &settled); settled.Any() {
			all = append(all, chunk)
		}
	}
	return all
}

func TestTheMemoryIsBounded(t *testing.T) {
	const million = 1_000_000 // events: 125 KB
	for what, c := range map[string]struct{ events, chunks, want int }{
		"by chunks":                 {1, 300, 256},
		"by bytes":                  {million, 30, 16},
		"a chunk beyond all bounds": {20 * million, 1, 0},
	} {
		t.Run(what, func(t *testing.T) {
			m := deliver.NewMemory()
			for chunk := range c.chunks {
				m.Remember(name("tag", strconv.Itoa(chunk)), settledOf(c.events), 0)
			}
			got := known(m, c.chunks)
			if len(got) != c.want {
				t.Fatalf("%d chunks are known, want %d", len(got), c.want)
			}
			if c.want > 0 && got[0] != c.chunks-c.want {
				t.Errorf("the oldest that is known is %d: not the oldest were evicted", got[0])
			}
		})
	}
}

func TestARetriedChunkIsRecentlyUsed(t *testing.T) {
	m := deliver.NewMemory()
	for chunk := range 256 {
		m.Remember(name("tag", strconv.Itoa(chunk)), settledOf(1), 0)
	}
	m.Recall(name("tag", "0"), new(deliver.Settled))
	m.Remember(name("tag", "0"), settledOf(1, 2), 0)
	m.Remember(name("tag", "another"), settledOf(1), 0)
	if got := known(m, 3); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("%v are known", got)
	}
}

// Fluent Bit never tells that it gave a chunk up.
func TestAChunkIsForgottenByAge(t *testing.T) {
	for wait, want := range map[time.Duration][]int{time.Hour: {0, 1}, time.Hour + time.Nanosecond: {1}} {
		synctest.Test(t, func(t *testing.T) {
			m := deliver.NewMemory()
			m.Remember(name("tag", "0"), settledOf(1), 0)
			time.Sleep(time.Hour)
			m.Remember(name("tag", "1"), settledOf(1), 0)
			time.Sleep(wait)
			if got := known(m, 2); !slices.Equal(got, want) {
				t.Errorf("after an hour and %v %v are known, want %v", wait, got, want)
			}
		})
	}
}

func TestTheMemoryInParallel(t *testing.T) {
	m := deliver.NewMemory()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := range 500 {
				chunk := name("tag", strconv.Itoa(worker*1000+n%50))
				var settled deliver.Settled
				m.Recall(chunk, &settled)
				settled.Set(n)
				m.Remember(chunk, &settled, 0)
				if n%7 == 0 {
					m.Recall(chunk, &settled)
				}
			}
		})
	}
	all.Wait()
}

package deliver_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// cluster is a model of Elasticsearch, and of the network before it, on a bad
// day: it loses, throttles, rejects and forgets to answer at random.
type cluster struct {
	mu     sync.Mutex
	random *rand.Rand
	ids    bool
	limit  int          // bytes of a request
	bad    map[int]bool // documents that the mapping rejects
	guilty map[int]bool // documents that make a whole request illegal
	copies map[int]int  // documents that are there
	// unsure counts how often a document was taken without a word.
	unsure map[int]int
	// letters is set where dead-letter records follow rejected documents. Then indices close at
	// times.
	letters *list
	closed  map[string]bool
}

func newCluster(random *rand.Rand, documents int, ids bool) *cluster {
	c := &cluster{random: random, ids: ids, limit: 300 + random.IntN(3000), bad: map[int]bool{}, guilty: map[int]bool{}, copies: map[int]int{}, unsure: map[int]int{}, closed: map[string]bool{}}
	for n := range documents {
		switch random.IntN(20) {
		case 0:
			c.bad[n] = true
		case 1:
			c.guilty[n] = random.IntN(4) == 0
		}
	}
	return c
}

func (c *cluster) answer(_ int, r request) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	after := time.Duration(c.random.IntN(2000)) * time.Millisecond
	classes := []reply{
		failed(bulk.Unreachable, 0), failed(bulk.Ambiguous, 0), failed(bulk.Throttled, 429), failed(bulk.Unavailable, 503), failed(bulk.Misconfigured, 403),
	}
	if event := c.random.IntN(20); event < len(classes) {
		classes[event].after = after
		return classes[event]
	}
	if r.size > c.limit && len(r.documents) > 1 {
		return failed(bulk.Oversized, 413)
	}
	for _, n := range r.documents {
		if c.guilty[n] && !c.isLetter(n) {
			return failed(bulk.BadRequest, 400)
		}
	}
	return c.take(r, after)
}

// take applies a request, and answers truly or not.
func (c *cluster) take(r request, after time.Duration) reply {
	answer := reply{after: after}
	taken := map[int]bool{}
	for _, n := range r.documents {
		i := c.item(n)
		taken[n] = i.Status == 201
		answer.items = append(answer.items, i)
	}
	told := len(answer.items)
	cut := &bulk.Failure{Class: bulk.Ambiguous, Err: bulk.ErrIncomplete}
	switch c.random.IntN(12) {
	case 0: // cut anywhere, the very end included
		told = c.random.IntN(told + 1)
		answer.items, answer.failure = answer.items[:told], cut
	case 1: // an answer to another request
		told = 0
		answer.items = append(answer.items, item(201))
	case 2:
		told = 0
		answer.items = answer.items[1:]
	case 3: // no answer in time
		told = 0
		answer.after = time.Hour
	}
	for _, n := range r.documents[told:] {
		if taken[n] {
			c.unsure[n]++
		}
	}
	return answer
}

// item applies one document.
func (c *cluster) item(n int) bulk.Item {
	switch {
	case c.isClosed(n):
		return item(403, "cluster_block_exception")
	case c.bad[n] && !c.isLetter(n):
		return item(400, "document_parsing_exception")
	case c.random.IntN(10) == 0:
		return item([]int{429, 503, 0}[c.random.IntN(3)])
	case c.ids && c.copies[n] > 0:
		return item(409, "version_conflict_engine_exception")
	}
	c.copies[n]++
	return item(201)
}

// isLetter reports whether document n is being sent as a dead-letter record.
func (c *cluster) isLetter(n int) bool { return c.letters != nil && len(c.letters.rejections[n]) > 0 }

// isClosed reports whether the document's index is closed, which changes now and then.
func (c *cluster) isClosed(n int) bool {
	if c.letters == nil || n >= len(c.letters.sizes) {
		return false
	}
	name := string(c.letters.Destination(n))
	if c.random.IntN(8) == 0 {
		c.closed[name] = !c.closed[name]
	}
	return c.closed[name]
}

// TestNothingIsLostOrDuplicated brings one chunk again and again, as
// Fluent Bit would, until it is delivered: by one request at a time, and by up to
// three.
func TestNothingIsLostOrDuplicated(t *testing.T) {
	beside := 0
	for seed := range uint64(1200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 42))
			documents, ids := 1+random.IntN(60), seed%2 == 0
			elasticsearch := newCluster(random, documents, ids)
			s := &server{t: t, script: elasticsearch.answer}
			p := deliver.Policy{Bytes: 200 + random.IntN(2000), RequestTimeout: 10 * time.Second, InitialPause: 100 * time.Millisecond, MaxPause: time.Second, Budget: time.Duration(random.IntN(5000)) * time.Millisecond, Window: 1 + int(seed/2%3)}
			chunk := &chunk{t: t, documents: documents, ids: ids, wide: p.Window > 1, deliverer: deliver.New(s, s, p), memory: deliver.NewMemory()}
			chunk.bring(seed, 100)
			for _, problem := range elasticsearch.problems(chunk) {
				t.Errorf("seed %d: %s", seed, problem)
			}
			if p.Window == 1 && s.most > 1 {
				t.Errorf("seed %d: %d requests were under way at a time", seed, s.most)
			}
			if s.most > 1 {
				beside++
			}
		})
	}
	if t.Logf("several requests under way at a time: in %d of 1200", beside); beside < 400 {
		t.Error("the window hardly ever opened")
	}
}

// TestDeadLettersAreNeitherLostNorDuplicated is the same with dead-letter records, of documents for
// indices that are closed at times, as that of the dead-letter records is.
func TestDeadLettersAreNeitherLostNorDuplicated(t *testing.T) {
	for seed := range uint64(600) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 43))
			documents := 1 + random.IntN(20)
			elasticsearch := newCluster(random, documents, true)
			s := &server{t: t, script: elasticsearch.answer}
			p := deliver.Policy{Bytes: 200 + random.IntN(2000), RequestTimeout: 10 * time.Second, InitialPause: 100 * time.Millisecond, MaxPause: time.Second, Budget: time.Duration(random.IntN(5000)) * time.Millisecond, Window: 1 + int(seed%2)}
			chunk := &chunk{t: t, documents: documents, ids: true, wide: p.Window > 1, deliverer: deliver.New(s, s, p), memory: deliver.NewMemory(), elasticsearch: elasticsearch}
			chunk.bring(seed, 10)
			for n := range documents {
				rejected := elasticsearch.bad[n] || elasticsearch.guilty[n]
				if rejected != (chunk.rejected[n] > 0) || chunk.settled[n] != 1 || elasticsearch.copies[n] != 1 {
					t.Errorf("seed %d: document %d (at fault: %t) was rejected %d times, settled %d times, and is there %d times", seed, n, rejected, chunk.rejected[n], chunk.settled[n], elasticsearch.copies[n])
				}
			}
		})
	}
}

// problems compares the stored documents with the sent ones.
func (c *cluster) problems(chunk *chunk) []string {
	var problems []string
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	for n := range chunk.documents {
		copies, rejected := c.copies[n], c.bad[n] || c.guilty[n]
		report(rejected != (chunk.rejected[n] == 1) || chunk.rejected[n] > 1, "document %d was rejected %d times", n, chunk.rejected[n])
		report(rejected && copies > 0, "document %d is there, but was rejected", n)
		report(!rejected && copies == 0, "document %d is lost", n)
		report(!rejected && chunk.settled[n] != 1, "document %d was settled %d times", n, chunk.settled[n])
		report(c.ids && copies > 1, "document %d is there %d times", n, copies)
		report(copies > 1+c.unsure[n], "document %d is there %d times, but only %d answers were missing", n, copies, c.unsure[n])
	}
	return problems
}

// chunk is brought by Fluent Bit until it is done, with nothing but the memory
// between one time and the next.
type chunk struct {
	t         *testing.T
	documents int
	ids, wide bool
	deliverer *deliver.Deliverer
	memory    *deliver.Memory
	// elasticsearch is set where rejected documents become dead-letter records.
	elasticsearch *cluster
	// settled and rejected count the ends of each document in all flushes.
	settled, rejected map[int]int
}

// bring flushes the chunk until it is done, and after so many tries another chunk's document.
func (c *chunk) bring(seed uint64, tries int) {
	for try := 1; !c.flush(); try++ {
		if try > 10_000 {
			c.t.Fatalf("seed %d: it never came through", seed)
		}
		time.Sleep(time.Second)
		if try%tries == 0 {
			c.neighbour()
		}
	}
}

// neighbour delivers another chunk's document. A document that fails a whole
// request is guilty only where the server takes others.
func (c *chunk) neighbour() {
	src := newList(c.documents + 1)
	for n := range c.documents {
		src.settled.Set(n)
	}
	_ = flush(c.t, c.deliverer, src)
}

func (c *chunk) flush() (done bool) {
	src := newList(c.documents)
	src.wide = c.wide
	if c.elasticsearch != nil {
		src.redirect, src.target = true, func(n int) string {
			if len(src.rejections[n]) > 0 {
				return "letters"
			}
			return []string{"a", "b"}[n%2]
		}
		c.elasticsearch.letters = src
	}
	c.memory.Recall(name("tag", "chunk"), &src.settled)
	received := len(src.left())
	err := flush(c.t, c.deliverer, src)
	if c.settled == nil {
		c.settled, c.rejected = map[int]int{}, map[int]int{}
	}
	for n, verdicts := range src.verdicts {
		c.settled[n] += len(verdicts)
	}
	for n, rejections := range src.rejections {
		c.rejected[n] += len(rejections)
	}
	if sum := len(src.verdicts) + len(src.rejections) + len(src.left()); sum != received && !src.redirect {
		c.t.Errorf("%d documents came, %d are accounted for", received, sum)
	}
	if errors.Is(err, deliver.ErrLeft) {
		c.memory.Remember(name("tag", "chunk"), &src.settled, 0)
		return false
	}
	if err != nil || len(src.left()) > 0 {
		c.t.Errorf("the flush ended with %v, %d are left", err, len(src.left()))
	}
	return true
}

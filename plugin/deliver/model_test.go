package deliver_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/test/support"
)

// The model of the strikes and gates: a simple account of a cluster's answers, and of their
// consequences, beside the real deliverer, in fake time. Answers are drawn at random: accepted,
// faults of documents, of destinations, unknown errors of both, backpressure of a destination and
// of the cluster, and a network that loses requests. The rules:
//
//  1. A document is rejected for its own known fault at once, for an unknown one when it has its
//     strikes, exactly then, and never for anything else.
//  2. A failure with an unknown error is a strike where its destination accepted another document
//     in the same answer, or since the failure before, a second or more after it; 3 of a 4xx are
//     enough, 10 of others.
//  3. A block holds its destination. So do unknown errors where nothing of the destination is
//     accepted or rejected, and one of the documents has no strike yet.
//  4. A destination that accepts and does not block is not held, unless it throttles a part.
//  5. Nothing of a held destination is sent before its time; then a request holds nothing else.
//  6. A failure of the whole request holds no destination and rejects nothing.
//  7. While the gate is closed no request is made.
//  8. When the trouble ends every document comes to its own end, once.
func TestStrikesAndGatesAsTheModelHasThem(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(80) {
		modelRun(t, seed, 25, ends)
	}
	t.Log(ends)
	for _, kind := range []string{"good, delivered", "malformed, rejected", "poison 4xx, rejected", "poison 5xx, rejected", "held", "released"} {
		if ends[kind] < 100 {
			t.Errorf("%s: %d, the test shows little", kind, ends[kind])
		}
	}
}

// The long form, with SOAK a longer one.
func TestStrikesAndGatesAsTheModelHasThemForLong(t *testing.T) {
	support.LongForm(t)
	seeds := uint64(200)
	if os.Getenv("SOAK") != "" {
		seeds = 2000
	}
	for seed := uint64(1000); seed < 1000+seeds; seed++ {
		modelRun(t, seed, 10+int(seed%60), map[string]int{})
	}
}

func modelRun(t *testing.T, seed uint64, rounds int, ends map[string]int) {
	t.Helper()
	if t.Failed() {
		return // one seed is enough
	}
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, seed)
		for range rounds {
			m.round()
		}
		m.repair()
		for m.waiting() {
			if rounds++; rounds > 3000 {
				for _, c := range m.chunks {
					t.Logf("chunk %d: %v of %v left, waited %t", c.id, c.left(), c.natures, c.waited)
				}
				t.Fatalf("seed %d: %d chunks never end: %d destinations are held, the gate is closed: %t; %s", seed, len(m.chunks), m.deliverer.HeldDestinations(), m.deliverer.Closed(), m.deliverer.PacedFor())
			}
			m.round()
		}
		for kind, n := range m.ends {
			ends[kind] += n
		}
	})
}

// condition is the state of a destination.
type condition uint8

const (
	healthy condition = iota
	blocked
	unknown4xx
	unknown5xx
	throttled
	partlyBlocked
	partlyThrottled // one of its shards is busy
	conditions
)

// nature is that of a document.
type nature uint8

const (
	good nature = iota
	malformed
	poison4xx
	poison5xx
)

var natures = [...]string{good: "good", malformed: "malformed", poison4xx: "poison 4xx", poison5xx: "poison 5xx"}

// event identifies a document of a chunk.
type event struct {
	chunk *modelChunk
	n     int
}

type modelChunk struct {
	*list
	natures []nature
	waited  bool
}

func (c *modelChunk) Waited() bool { return c.waited }

// suspicion is the model's account of a document that failed with an unknown error.
type suspicion struct {
	strikes int
	at      time.Time
	answer  int // the number of the last answer before
}

// model is the cluster, and the account of what it answered.
type model struct {
	t         *testing.T
	seed      uint64
	random    *rand.Rand
	deliverer *deliver.Deliverer
	chunks    []*modelChunk
	made      int

	names      []string
	conditions map[string]condition
	// network is the state of requests as a whole: bulk.Delivered, or a failure's class.
	network  bulk.Class
	repaired bool

	current  *modelChunk
	closed   bool // the gate was closed when the flush began
	paced    bool // something was throttled: a closed gate and a pace can't be told apart any more
	requests int
	reply    reply
	sent     []int

	answers    int            // in which anything was accepted
	acceptedAt map[string]int // the last of them, by destination
	suspicions map[event]*suspicion
	// rejected are the documents that have to be rejected by the last answer.
	rejected map[event]bool
	// held are destinations that have to be held after the last answer, or have to be open.
	held map[string]bool
	ends map[string]int
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 7)), conditions: map[string]condition{}, acceptedAt: map[string]int{},
		suspicions: map[event]*suspicion{}, rejected: map[event]bool{}, held: map[string]bool{}, ends: map[string]int{},
	}
	for n := range 1 + m.random.IntN(4) {
		m.names = append(m.names, fmt.Sprint("index", n))
	}
	m.deliverer = deliver.New(m, m, deliver.Policy{
		Bytes: 200 + m.random.IntN(2000), RequestTimeout: 10 * time.Second, InitialPause: 500 * time.Millisecond, MaxPause: 10 * time.Second,
		Budget: []time.Duration{0, 2 * time.Second, 5 * time.Second}[m.random.IntN(3)], Window: 1,
	})
	return m
}

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d, %s: "+format, append([]any{m.seed, time.Now().Format("15:04:05.000")}, args...)...)
}

// round changes the cluster, brings a new chunk, and those that wait.
func (m *model) round() {
	if !m.repaired {
		if m.random.IntN(3) == 0 {
			m.conditions[m.names[m.random.IntN(len(m.names))]] = condition(m.random.IntN(int(conditions)))
		}
		if m.random.IntN(4) == 0 {
			m.network = []bulk.Class{bulk.Delivered, bulk.Delivered, bulk.Delivered, bulk.Throttled, bulk.Unavailable, bulk.Unreachable, bulk.Ambiguous}[m.random.IntN(7)]
		}
	}
	if len(m.chunks) < 30 && m.made < 200 || m.repaired && len(m.chunks) < 60 {
		m.chunks = append(m.chunks, m.newChunk())
	}
	come := append([]*modelChunk(nil), m.chunks...) // in any order, as Fluent Bit's scheduler has them
	m.random.Shuffle(len(come), func(i, j int) { come[i], come[j] = come[j], come[i] })
	for _, c := range come {
		if m.random.IntN(3) > 0 || m.repaired {
			m.flush(c)
		}
	}
	time.Sleep(time.Duration(m.random.IntN(4000)) * time.Millisecond)
}

// repair makes everything healthy but the documents.
func (m *model) repair() {
	m.network, m.conditions, m.repaired = bulk.Delivered, map[string]condition{}, true
}

// waiting reports whether a chunk of the time before the repair has not ended. New chunks come
// along, with which poison records can be compared.
func (m *model) waiting() bool {
	for _, c := range m.chunks {
		if c.id < 200 {
			return true
		}
	}
	return false
}

func (m *model) newChunk() *modelChunk {
	c := &modelChunk{list: newList(1 + m.random.IntN(12))}
	if m.repaired { // of good documents for each destination
		c.list = newList(2 * len(m.names))
	}
	c.id = byte(m.made % 200)
	m.made++
	names := make([]string, len(c.sizes))
	for n := range names {
		names[n] = m.names[m.random.IntN(len(m.names))]
		kind := good
		if m.repaired {
			names[n] = m.names[n%len(m.names)]
		} else if m.random.IntN(8) == 0 {
			kind = nature(1 + m.random.IntN(3))
		}
		c.natures = append(c.natures, kind)
	}
	if m.repaired {
		c.id = byte(200 + m.made%50)
	}
	c.target = func(n int) string { return names[n] }
	return c
}

// flush delivers a chunk, which is done, or waits.
func (m *model) flush(c *modelChunk) {
	m.current, m.closed, m.requests = c, m.deliverer.Closed(), 0
	err := flush(m.t, m.deliverer, c)
	m.compare()
	if m.closed && !m.paced && m.requests > 0 {
		m.fail("%d requests though the gate was closed", m.requests)
	}
	c.waited = deliver.Waits(err, c.waited)
	if err != nil {
		return
	}
	if left := c.left(); len(left) > 0 {
		m.fail("a chunk was answered OK with %v left", left)
	}
	for n, kind := range c.natures {
		delivered, refused := len(c.verdicts[n]), len(c.rejections[n])
		if delivered+refused != 1 || kind == good && delivered != 1 || kind == malformed && refused != 1 {
			m.fail("a document of nature %d was delivered %d times and rejected %d times", kind, delivered, refused)
		}
		m.ends[natures[kind]+", delivered"] += delivered
		m.ends[natures[kind]+", rejected"] += refused
	}
	for i, other := range m.chunks {
		if other == c {
			m.chunks = append(m.chunks[:i], m.chunks[i+1:]...)
			return
		}
	}
}

// compare holds the deliverer to the consequences of the last answer.
func (m *model) compare() {
	c := m.current
	for n := range c.sizes {
		if got, want := len(c.rejections[n]) > 0, m.rejected[event{c, n}]; got != want {
			m.fail("document %d of nature %d for %s, rejected: %t, want %t (%+v)", n, c.natures[n], c.target(n), got, want, m.suspicions[event{c, n}])
		}
	}
	for name, want := range m.held {
		if got := !m.deliverer.HeldUntil(name).IsZero(); got != want {
			m.fail("%s is held: %t, want %t", name, got, want)
		}
	}
	clear(m.held)
}

// Send implements deliver.Sender.
func (m *model) Send(_ context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	m.compare()
	m.requests++
	m.sent = m.sent[:0]
	probed := ""
	for _, position := range req.Positions() {
		n := int(position)
		m.sent = append(m.sent, n)
		if m.current.settled.Has(n) {
			m.fail("a settled document is sent")
		}
		name := m.current.target(n)
		switch until := m.deliverer.HeldUntil(name); {
		case until.IsZero():
		case time.Now().Before(until):
			m.fail("%s is held, and sent %s early", name, time.Until(until))
		default:
			probed = name
		}
	}
	for _, n := range m.sent {
		if probed != "" && m.current.target(n) != probed {
			m.fail("a probe of %s has documents of %s", probed, m.current.target(n))
		}
	}
	m.reply = m.answer()
	time.Sleep(time.Duration(m.random.IntN(1500)) * time.Millisecond)
	for _, i := range m.reply.items {
		each(i)
	}
	return len(m.reply.items), m.reply.failure
}

// answer is the cluster's.
func (m *model) answer() (r reply) {
	if m.network != bulk.Delivered {
		return failed(m.network, map[bulk.Class]int{bulk.Throttled: 429, bulk.Unavailable: 503}[m.network])
	}
	for _, n := range m.sent {
		r.items = append(r.items, m.item(n))
	}
	return r
}

func (m *model) item(n int) bulk.Item {
	now := m.conditions[m.current.target(n)]
	if m.random.IntN(2) == 0 {
		switch now {
		case partlyBlocked:
			now = blocked
		case partlyThrottled:
			now = throttled
		}
	}
	switch now {
	case blocked:
		return blockedItem
	case unknown4xx:
		return item(418, "teapot_exception", "short and stout")
	case unknown5xx:
		return item(500, "strange_exception")
	case throttled:
		return throttledItem
	}
	switch m.current.natures[n] {
	case malformed:
		return item(400, "document_parsing_exception")
	case poison4xx:
		return item(418, "teapot_exception", "short and stout")
	case poison5xx:
		return item(500, "strange_exception")
	}
	return item(201)
}

// Observe implements deliver.Observer: the answer is there, and has had no consequence yet.
func (m *model) Observe(a deliver.Attempt) {
	m.paced = m.paced || a.Failure != nil && a.Failure.Class == bulk.Throttled
	if m.reply.failure != nil {
		for _, name := range m.names { // rule 6
			m.held[name] = !m.deliverer.HeldUntil(name).IsZero()
		}
		return
	}
	type result struct{ accepted, refused, blocked, busy, unknown, fresh int }
	results := map[string]*result{}
	anything := false
	for i, n := range m.sent {
		r := results[m.current.target(n)]
		if r == nil {
			r = &result{}
			results[m.current.target(n)] = r
		}
		switch status := m.reply.items[i].Status; status {
		case 201:
			r.accepted++
			anything = true
			delete(m.suspicions, event{m.current, n})
		case 400:
			r.refused++
			m.rejected[event{m.current, n}] = true
		case 403:
			r.blocked++
		case 429:
			r.busy++
		default:
			r.unknown++
			if s := m.suspicions[event{m.current, n}]; s == nil || s.strikes == 0 {
				r.fresh++
			}
		}
	}
	if anything {
		m.answers++
	}
	for name, r := range results {
		if r.accepted > 0 {
			m.acceptedAt[name] = m.answers
		}
		switch {
		case r.blocked > 0, r.accepted+r.refused == 0 && r.busy == 0 && r.fresh > 0: // rule 3
			m.held[name] = true
		case r.accepted > 0 && r.busy == 0: // rule 4
			m.held[name] = false
		}
	}
	for i, n := range m.sent {
		if status := m.reply.items[i].Status; status == 418 || status == 500 {
			m.strike(event{m.current, n}, status, results[m.current.target(n)].accepted > 0)
		}
	}
}

// strike is rule 2.
func (m *model) strike(e event, status int, beside bool) {
	s := m.suspicions[e]
	switch {
	case s == nil:
		s = &suspicion{}
		m.suspicions[e] = s
	default:
		since := m.acceptedAt[e.chunk.target(e.n)] > s.answer
		beside = (beside || since) && time.Since(s.at) >= time.Second
	}
	if beside {
		s.strikes++
	}
	if beside || s.strikes == 0 {
		s.at, s.answer = time.Now(), m.answers
	}
	if limit := map[bool]int{true: 3, false: 10}[status < 500]; beside && s.strikes >= limit {
		m.rejected[e] = true
	}
}

// Held implements deliver.Observer.
func (m *model) Held(deliver.Hold) { m.ends["held"]++ }

// Released implements deliver.Observer.
func (m *model) Released(deliver.Hold) { m.ends["released"]++ }

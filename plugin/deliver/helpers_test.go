package deliver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deadline"
	"out_es/plugin/deliver"
)

// list is a Source of documents {"n":0}, {"n":1} … of these sizes.
type list struct {
	sizes    []int
	keep     bool // On_Rejection retry
	redirect bool // the first rejection of a document makes the next Fill send another in its place
	from, to int
	// ahead are the ends of Fills that Ahead went behind; wide makes it worth
	// the while.
	ahead      []int
	wide       bool
	settled    deliver.Settled
	verdicts   map[int][]bulk.Verdict
	rejections map[int][]deliver.Rejection
	fail       error // of the next Fill
	id         byte  // tells lists apart
	waited     bool  // for a held destination
	// to names the destination of a document, "logs" where it is nil.
	target func(n int) string
}

func newList(n int) *list { return newSizes(slices.Repeat([]int{40}, n)...) }

func newSizes(sizes ...int) *list {
	return &list{sizes: sizes, verdicts: map[int][]bulk.Verdict{}, rejections: map[int][]deliver.Rejection{}}
}

func (l *list) Fill(req *bulk.Request, limits deliver.Limits) error {
	if l.fail != nil {
		return l.fail
	}
	start := l.start()
	for l.to = start; l.to < len(l.sizes); l.to++ {
		if limits.SourceBytes > 0 && len(req.Positions()) > 0 && (l.to-start)*listUnit >= limits.SourceBytes {
			return nil
		}
		if l.settled.Has(l.to) {
			continue
		}
		if limits.Items > 0 && len(req.Positions()) == limits.Items {
			return nil
		}
		if !limits.Admission.Admits(l.Destination(l.to)) {
			continue
		}
		grown := fmt.Appendf(req.Buffer(), "{\"create\":{\"_id\":\"%d\"}}\n{\"n\":%d,\"x\":\"", l.to, l.to)
		grown = append(grown, strings.Repeat("x", max(0, l.sizes[l.to]-req.Added(grown)-3))...)
		grown = append(grown, "\"}\n"...)
		if limits.Bytes > 0 && len(req.Positions()) > 0 && req.Size()+req.Added(grown) > limits.Bytes {
			req.Keep(grown)
			return nil
		}
		if err := req.Commit(grown, l.to); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) Advance() { l.from, l.ahead = l.to, nil }

func (l *list) Skip() { l.from, l.ahead = l.to, nil }

func (l *list) Rewind() { l.from, l.ahead = 0, nil }

func (l *list) Ahead() { l.ahead = append(l.ahead, l.to) }

func (l *list) Resume(fills int) {
	if fills > 0 {
		l.from = l.ahead[fills-1]
	}
	l.ahead = nil
}

// listUnit is a document's length for Rest: a part with two of them is worth a request.
const listUnit = 64 << 10

func (l *list) Remaining() int {
	if !l.wide {
		return 0
	}
	return (len(l.sizes) - l.start()) * listUnit
}

func (l *list) start() int {
	if len(l.ahead) > 0 {
		return l.ahead[len(l.ahead)-1]
	}
	return l.from
}

func (l *list) Destination(position int) []byte {
	if l.target != nil {
		return []byte(l.target(position))
	}
	if l.redirect && len(l.rejections[position]) > 0 {
		return []byte("letters")
	}
	return []byte("logs")
}

func (l *list) Identity(position int) [16]byte {
	return [16]byte{l.id, byte(position), byte(position >> 8)}
}

func (l *list) WasHeld() bool { return l.waited }

func (l *list) Checkpoint() {}

func (l *list) Sent(int) bulk.Sent { return bulk.Sent{Operation: bulk.Create} }

func (l *list) Settle(position int, v bulk.Verdict) {
	l.settled.Set(position)
	l.verdicts[position] = append(l.verdicts[position], v)
}

func (l *list) Reject(position int, why deliver.Rejection) deliver.Disposition {
	l.rejections[position] = append(l.rejections[position], why)
	switch {
	case l.keep:
		return deliver.Kept
	case l.redirect && len(l.rejections[position]) == 1:
		return deliver.DeadLettered
	}
	l.settled.Set(position)
	return deliver.Done
}

// left are the documents that nothing became of.
func (l *list) left() []int {
	var left []int
	for n := range l.sizes {
		if !l.settled.Has(n) {
			left = append(left, n)
		}
	}
	return left
}

// request is a request as received by a server.
type request struct {
	documents []int
	size      int
	at        time.Time
	wait      bulk.Wait
	ctx       context.Context
}

// reply is the server's answer, after a delay.
type reply struct {
	items   []bulk.Item
	failure *bulk.Failure
	after   time.Duration
}

// server is a Sender that answers by its script. It compares the body with the positions.
type server struct {
	t      *testing.T
	script func(n int, r request) reply

	mu sync.Mutex
	// under is how many requests are under way, most how many were.
	under, most int
	requests    []request
	attempts    []deliver.Attempt
	held        []deliver.Hold
	released    []deliver.Hold
}

func (s *server) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	r := request{documents: s.documents(req), size: req.Size(), at: time.Now(), wait: req.Wait(), ctx: ctx}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, r)
	s.under++
	s.most = max(s.most, s.under)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.under--
	}()
	answer := s.script(n, r)
	ctx, cancel := deadline.WithTimer(ctx)
	defer cancel()
	select {
	case <-time.After(answer.after):
	case <-ctx.Done():
		return 0, &bulk.Failure{Class: bulk.Ambiguous, Err: ctx.Err()}
	}
	for _, item := range answer.items {
		each(item)
	}
	return len(answer.items), answer.failure
}

func (s *server) documents(req *bulk.Request) []int {
	body, err := req.Seal()
	if err != nil {
		s.t.Error(err)
	}
	var all []int
	for i, line := range bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) {
		var document struct{ N int }
		if err := json.Unmarshal(line, &document); err != nil {
			s.t.Errorf("line %d: %v: %.100q", i, err, line)
		}
		if i%2 == 1 {
			all = append(all, document.N)
		}
	}
	for i, position := range req.Positions() {
		if i >= len(all) || all[i] != int(position) {
			s.t.Errorf("the body has the documents %v, the positions are %v", all, req.Positions())
			break
		}
	}
	return all
}

func (s *server) Observe(a deliver.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, a)
}

func (s *server) Held(h deliver.Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, h)
}

func (s *server) Released(h deliver.Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = append(s.released, h)
}

// sent are the documents of each request.
func (s *server) sent() [][]int {
	var all [][]int
	for _, r := range s.requests {
		all = append(all, r.documents)
	}
	return all
}

// policy is that of the options' defaults.
var policy = deliver.Policy{
	Bytes: 5 << 20, RequestTimeout: time.Minute, InitialPause: 500 * time.Millisecond, MaxPause: 30 * time.Second, Budget: 5 * time.Second,
}

// bubble runs test with fake time, and a deliverer with a scripted server.
func bubble(t *testing.T, p deliver.Policy, script func(int, request) reply, test func(*testing.T, *deliver.Deliverer, *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, script: script}
		test(t, deliver.New(s, s, p), s)
	})
}

// flush delivers src as one flush does: from its start.
func flush(t *testing.T, d *deliver.Deliverer, src deliver.Source) error {
	src.Rewind()
	return d.Deliver(t.Context(), src, bulk.NewRequest(bulk.Plain))
}

// item is an answer's item.
func item(status int, typeAndReason ...string) bulk.Item {
	i := bulk.Item{Status: status}
	if len(typeAndReason) > 0 {
		i.Type = []byte(typeAndReason[0])
	}
	if len(typeAndReason) > 1 {
		i.Reason = []byte(typeAndReason[1])
	}
	return i
}

// accepted answers all documents of a request.
func accepted(r request) reply {
	return reply{items: slices.Repeat([]bulk.Item{item(201)}, len(r.documents))}
}

func failed(class bulk.Class, status int) reply {
	return reply{failure: &bulk.Failure{Class: class, Status: status}}
}

// firstThen answers the first requests with these, the others with 201.
func firstThen(first ...reply) func(int, request) reply {
	return func(n int, r request) reply {
		if n < len(first) {
			return first[n]
		}
		return accepted(r)
	}
}

func always(answer reply) func(int, request) reply {
	return func(int, request) reply { return answer }
}

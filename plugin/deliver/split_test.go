package deliver_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// onceEach checks that every document was accepted once but these, which were
// rejected once.
func onceEach(t *testing.T, src *list, rejected ...int) {
	t.Helper()
	for n := range src.sizes {
		wantAccepted, wantRefused := 1, 0
		if slices.Contains(rejected, n) {
			wantAccepted, wantRefused = 0, 1
		}
		if len(src.verdicts[n]) != wantAccepted || len(src.rejections[n]) != wantRefused {
			t.Errorf("document %d: settled %v, rejected %+v", n, src.verdicts[n], src.rejections[n])
		}
	}
}

// takes answers 413 to all that is larger than limit.
func takes(limit int) func(int, request) reply {
	return func(_ int, r request) reply {
		if r.size > limit {
			return failed(bulk.Oversized, 413)
		}
		return accepted(r)
	}
}

func TestRequestsThatAreTooLargeAreHalved(t *testing.T) {
	for name, c := range map[string]struct {
		sizes    []int
		limit    int
		rejected []int
	}{
		"all of one size":           {slices.Repeat([]int{100}, 64), 1000, nil},
		"one document a request":    {slices.Repeat([]int{100}, 10), 100, nil},
		"a large one at the front":  {append([]int{5000}, slices.Repeat([]int{100}, 20)...), 1000, []int{0}},
		"a large one at the end":    {append(slices.Repeat([]int{100}, 20), 5000), 1000, []int{20}},
		"large ones amid small":     {slices.Repeat([]int{100, 5000, 100}, 7), 1000, []int{1, 4, 7, 10, 13, 16, 19}},
		"nothing is small enough":   {slices.Repeat([]int{2 << 20}, 5), 50, []int{0, 1, 2, 3, 4}},
		"a single one, too large":   {[]int{1 << 20}, 50, []int{0}},
		"all fit":                   {slices.Repeat([]int{100}, 5), 500, nil},
		"a byte too many for all":   {slices.Repeat([]int{100}, 5), 499, nil},
		"sizes that go up and down": {[]int{100, 900, 100, 900, 100, 100, 100, 900, 900}, 1000, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, takes(c.limit), func(t *testing.T, d *deliver.Deliverer, s *server) {
				began, src := time.Now(), newSizes(c.sizes...)
				if err := flush(t, d, src); err != nil {
					t.Fatal(err)
				}
				onceEach(t, src, c.rejected...)
				if time.Since(began) != 0 {
					t.Errorf("it waited %v", time.Since(began))
				}
				for _, n := range c.rejected {
					if why := src.rejections[n][0]; why.Type != bulk.TooLarge || why.Status != 413 || why.Reason == "" {
						t.Errorf("document %d was rejected as %+v", n, why)
					}
				}
				if len(s.requests) > 4*len(c.sizes)+10 {
					t.Errorf("%d requests for %d documents", len(s.requests), len(c.sizes))
				}
			})
		})
	}
}

func TestTheSizeThatWasLearnedIsKept(t *testing.T) {
	bubble(t, policy, takes(1000), func(t *testing.T, d *deliver.Deliverer, s *server) {
		for range 3 {
			if err := flush(t, d, newSizes(slices.Repeat([]int{100}, 64)...)); err != nil {
				t.Fatal(err)
			}
		}
		rejected := 0
		for i, attempt := range s.attempts {
			if attempt.Failure == nil {
				continue
			}
			rejected++
			if i > 10 {
				t.Errorf("request %d was too large again", i)
			}
		}
		if rejected == 0 {
			t.Error("no request was too large")
		}
		// A document that is too large alone must not teach anything.
		if err := flush(t, d, newSizes(1<<20)); err != nil {
			t.Fatal(err)
		}
		before := len(s.requests)
		if err := flush(t, d, newSizes(slices.Repeat([]int{100}, 64)...)); err != nil {
			t.Fatal(err)
		}
		if made := len(s.requests) - before; made > 20 {
			t.Errorf("%d requests for what took 13 before", made)
		}
	})
}

// rejects answers 400 to every request that holds one of these documents.
func rejects(guilty ...int) func(int, request) reply {
	return func(_ int, r request) reply {
		for _, document := range r.documents {
			if slices.Contains(guilty, document) {
				return reply{failure: &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "illegal_argument_exception", Reason: "id [SECRET] is too long"}}
			}
		}
		return accepted(r)
	}
}

func TestAnIllegalRequestIsHalvedDownToTheGuiltyDocument(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		guilty []int
	}{
		"the first":           {100, []int{0}},
		"the last":            {100, []int{99}},
		"in the middle":       {100, []int{50}},
		"the second of three": {3, []int{1}},
		"two side by side":    {100, []int{41, 42}},
		"two far apart":       {1000, []int{3, 997}},
		"every tenth":         {50, []int{0, 10, 20, 30, 40}},
		"all but the last":    {7, []int{0, 2, 3, 4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, rejects(c.guilty...), func(t *testing.T, d *deliver.Deliverer, s *server) {
				began, src := time.Now(), newList(c.n)
				if err := flush(t, d, src); err != nil {
					t.Fatal(err)
				}
				onceEach(t, src, c.guilty...)
				if time.Since(began) != 0 {
					t.Errorf("it waited %v", time.Since(began))
				}
				why := src.rejections[c.guilty[0]][0]
				want := deliver.Rejection{Type: bulk.InvalidAction, Error: "illegal_argument_exception", Status: 400, Reason: "id […] is too long", FullReason: "id [SECRET] is too long", Scope: bulk.DocumentScope}
				if !reflect.DeepEqual(why, want) {
					t.Errorf("rejected as %+v", why)
				}
				// Each guilty one costs the halvings down to it, and as many requests for its
				// neighbours.
				if limit := 2*10*len(c.guilty) + 2; len(s.requests) > limit {
					t.Errorf("%d requests, want %d at most", len(s.requests), limit)
				}
			})
		})
	}
}

func TestAGuiltyDocumentThatIsKeptEndsTheFlush(t *testing.T) {
	for name, script := range map[string]func(int, request) reply{"illegal": rejects(5), "too large": takes(60)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
				src := newSizes(40, 40, 40, 40, 40, 80, 40)
				src.keep = true
				if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
					t.Errorf("got %v", err)
				}
				if left := src.left(); !slices.Contains(left, 5) || len(src.rejections[5]) != 1 {
					t.Errorf("left %v, rejected %v", left, src.rejections)
				}
			})
		})
	}
}

// The answers below don't fit the four documents that were sent; the next
// request is answered as it should.
func TestAnswersThatDoNotFit(t *testing.T) {
	items := func(statuses ...int) (all []bulk.Item) {
		for _, status := range statuses {
			all = append(all, item(status))
		}
		return all
	}
	cut := &bulk.Failure{Class: bulk.Ambiguous, Status: 200, Err: bulk.ErrIncomplete}
	for name, c := range map[string]struct {
		first reply
		again []int // the second request's documents; nil for none
	}{
		"too few items":                        {reply{items: items(201, 201, 201)}, []int{0, 1, 2, 3}},
		"too many items":                       {reply{items: items(201, 201, 201, 201, 201)}, []int{0, 1, 2, 3}},
		"no items":                             {reply{}, []int{0, 1, 2, 3}},
		"cut off before the first":             {reply{failure: cut}, []int{0, 1, 2, 3}},
		"cut off behind two":                   {reply{items: items(201, 201), failure: cut}, []int{2, 3}},
		"cut off behind one that is throttled": {reply{items: items(201, 429, 201), failure: cut}, []int{1, 3}},
		"cut off behind the last":              {reply{items: items(201, 201, 201, 201), failure: cut}, nil},
		"cut off with too many":                {reply{items: items(201, 201, 201, 201, 201), failure: cut}, []int{0, 1, 2, 3}},
		"cut off behind a rejected one":        {reply{items: []bulk.Item{item(400, "document_parsing_exception")}, failure: cut}, []int{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, policy, firstThen(c.first), func(t *testing.T, d *deliver.Deliverer, s *server) {
				src := newList(4)
				if err := flush(t, d, src); err != nil {
					t.Fatal(err)
				}
				if left := src.left(); left != nil {
					t.Errorf("left %v", left)
				}
				var again []int
				if len(s.requests) > 1 {
					again = s.requests[1].documents
				}
				if !slices.Equal(again, c.again) || len(s.requests) > 2 {
					t.Errorf("%d requests, the second with %v, want %v", len(s.requests), again, c.again)
				}
				misfit := len(c.first.items) != 4 || c.first.failure != nil
				if f := s.attempts[0].Failure; misfit && (f == nil || f.Class != bulk.Ambiguous) {
					t.Errorf("the first request was observed as %+v", f)
				}
			})
		})
	}
}

package deliver_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// poisoned answers one document of a list with an error that the table of
// faults does not know.
func poisoned(poison int, answer bulk.Item) func(int, request) reply {
	return func(_ int, r request) reply {
		all := accepted(r)
		if at := slices.Index(r.documents, poison); at >= 0 {
			all.items[at] = answer
		}
		return all
	}
}

// A document that fails with an unknown error while its destination takes
// others is rejected after a number of failures, and holds up nothing.
func TestAPoisonRecordIsProvedGuilty(t *testing.T) {
	for name, c := range map[string]struct {
		item          bulk.Item
		atMost, least int // flushes of the others until it is rejected; 0 for never
	}{
		"4xx":       {item(400, "new_exception", "something"), 6, 2},
		"5xx":       {item(500, "null_pointer_exception", ""), 14, 8},
		"no status": {item(0), 14, 8},
		"429":       {throttledItem, 0, 0},
		"a block":   {blockedItem, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			poison := newList(5)
			poison.id = 1
			bubble(t, policy, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
				rounds := 0
				for ; rounds < 50 && poison.rejections[3] == nil; rounds++ {
					s.script = poisoned(3, c.item)
					_ = flush(t, d, poison)
					s.script = func(_ int, r request) reply { return accepted(r) }
					began := time.Now()
					if err := flush(t, d, newList(5)); err != nil && c.atMost > 0 {
						t.Fatalf("round %d: the others: %v", rounds, err)
					}
					if took := time.Since(began); took > 0 {
						t.Fatalf("the others waited %s", took)
					}
					time.Sleep(10 * time.Second)
				}
				switch {
				case c.atMost == 0 && poison.rejections[3] != nil:
					t.Errorf("it was rejected in round %d", rounds)
				case c.atMost > 0 && (rounds > c.atMost || rounds < c.least):
					t.Errorf("rejected after %d rounds, want %d to %d", rounds, c.least, c.atMost)
				}
				for n := range 5 {
					if n != 3 && len(poison.verdicts[n]) != 1 {
						t.Errorf("document %d: %v", n, poison.verdicts[n])
					}
				}
			})
		})
	}
}

// In doubt the record is innocent: where nothing else is accepted, an unknown
// error never rejects anything.
func TestAnUnknownErrorOfAWholeDestinationRejectsNothing(t *testing.T) {
	unknown := item(400, "new_exception", "something about the index")
	src := newList(20)
	src.target = turns("healthy", "odd")
	by := map[string]bulk.Item{"odd": unknown}
	bubble(t, policy, answering(src, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		for range 100 {
			s.script = answering(src, by)
			_ = flush(t, d, src)
			healthy := newList(5)
			healthy.target = turns("healthy")
			s.script = answering(healthy, by)
			if err := flush(t, d, healthy); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if len(src.rejections) > 0 || !slices.Equal(src.left(), everyOther(20, 1)) {
			t.Errorf("rejected %v, left %v", src.rejections, src.left())
		}
		if len(s.held) == 0 || s.held[0].Destination != "odd" || s.held[0].Why.Scope != bulk.UnknownScope || s.held[0].Why.Remedy == "" {
			t.Errorf("told of %+v", s.held)
		}
		delete(by, "odd")
		s.script = answering(src, by)
		time.Sleep(policy.MaxPause)
		if err := flush(t, d, src); err != nil {
			t.Error(err)
		}
		onceEach(t, src)
	})
}

// A chunk of a single poison record costs its destination no more than moments.
func TestALonelyPoisonRecordHoldsItsDestinationForMomentsOnly(t *testing.T) {
	poison := newList(1)
	poison.id = 1
	bubble(t, policy, nil, func(t *testing.T, d *deliver.Deliverer, s *server) {
		turned, rounds := 0, 0
		for ; poison.rejections[0] == nil; rounds++ {
			if rounds == 200 {
				t.Fatal("it was never rejected")
			}
			if rounds%10 == 0 {
				s.script = poisoned(0, item(400, "new_exception"))
				_ = flush(t, d, poison)
			}
			s.script = func(_ int, r request) reply { return accepted(r) }
			if flush(t, d, newList(3)) != nil {
				turned++
			}
			time.Sleep(time.Second)
		}
		if turned > 4 {
			t.Errorf("%d of %d healthy chunks were turned away", turned, rounds)
		}
	})
}

// An outage of a destination that looks like nothing known, and ends, must not
// count against the documents that it met.
func TestFailuresInARowAreNoStrikes(t *testing.T) {
	src := newList(10)
	by := map[string]bulk.Item{"logs": item(500, "strange_exception")}
	bubble(t, policy, answering(src, by), func(t *testing.T, d *deliver.Deliverer, _ *server) {
		for range 60 {
			if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
		}
		delete(by, "logs")
		time.Sleep(policy.MaxPause)
		if err := flush(t, d, src); err != nil {
			t.Error(err)
		}
		onceEach(t, src)
	})
}

// The answer that releases a destination is as good a comparison as any other: an unknown error in
// it counts as a strike, like one in a later answer.
func TestAReleaseForgetsNoStrike(t *testing.T) {
	poison, others := newList(2), 0
	poison.id = 1
	by := map[string]bulk.Item{"logs": blockedItem}
	bubble(t, policy, answering(poison, by), func(t *testing.T, d *deliver.Deliverer, s *server) {
		_ = flush(t, d, poison) // blocked
		for poison.rejections[1] == nil {
			time.Sleep(policy.MaxPause)
			s.script = poisoned(1, item(400, "new_exception"))
			_ = flush(t, d, poison) // the first of these releases it
			s.script = func(_ int, r request) reply { return accepted(r) }
			if err := flush(t, d, newList(3)); err != nil || others > 10 {
				t.Fatal(err, others)
			}
			others++
		}
		if others != 3 {
			t.Errorf("rejected after %d failures", others)
		}
	})
}

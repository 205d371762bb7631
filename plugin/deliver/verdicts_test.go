package deliver_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
)

// TestVerdicts sends two documents; the second is answered by item until it is
// settled, or left.
func TestVerdicts(t *testing.T) {
	blocked := item(403, "cluster_block_exception", "index [i] blocked by: [FORBIDDEN/8/index write (api)];")
	for name, c := range map[string]struct {
		item     bulk.Item
		keep     bool
		verdict  bulk.Verdict // that the second was settled by; Unknown for none
		rejected int          // how often the second was rejected
		left     bool
		requests int // 0 for any number
	}{
		"200 is done":                           {item: item(200), verdict: bulk.Accepted, requests: 1},
		"201 is done":                           {item: item(201), verdict: bulk.Accepted, requests: 1},
		"201 in the failure store is done":      {item: bulk.Item{Status: 201, FailureStore: []byte("used")}, verdict: bulk.InFailureStore, requests: 1},
		"400 is rejected":                       {item: item(400, "document_parsing_exception"), rejected: 1, requests: 1},
		"400 that is kept is left at once":      {item: item(400, "document_parsing_exception"), keep: true, rejected: 1, left: true, requests: 1},
		"429 is tried until the budget ends":    {item: item(429), left: true},
		"503 of an unknown kind is tried twice": {item: item(503), left: true, requests: 2},
		"no status is tried twice":              {item: item(0), left: true, requests: 2},
		"an unknown error is tried twice":       {item: item(400, "new_exception"), left: true, requests: 2},
		"a block is left at once":               {item: blocked, left: true, requests: 1},
		"a missing index is left at once":       {item: item(404, "index_not_found_exception"), left: true, requests: 1},
		"a missing shard is left at once":       {item: item(503, "unavailable_shards_exception"), left: true, requests: 1},
		"a missing privilege is left at once":   {item: item(403, "security_exception"), left: true, requests: 1},
		"a missing pipeline is left at once":    {item: item(400, "illegal_argument_exception", "pipeline with id [p] does not exist"), left: true, requests: 1},
		"409 is done":                           {item: item(409), verdict: bulk.Deduplicated, requests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			script := func(n int, r request) reply {
				if n == 0 {
					return reply{items: []bulk.Item{item(201), c.item}}
				}
				return reply{items: []bulk.Item{c.item}}
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				src := newList(2)
				src.keep = c.keep
				err := flush(t, d, src)
				if errors.Is(err, deliver.ErrLeft) != c.left || !c.left && err != nil {
					t.Errorf("error %v", err)
				}
				if len(src.verdicts[0]) != 1 || len(src.rejections[0]) != 0 {
					t.Errorf("the first document: %v, %v", src.verdicts[0], src.rejections[0])
				}
				var want []bulk.Verdict
				if c.verdict != bulk.Unknown {
					want = append(want, c.verdict)
				}
				if !reflect.DeepEqual(src.verdicts[1], want) || len(src.rejections[1]) != c.rejected {
					t.Errorf("the second document: settled %v, rejected %+v", src.verdicts[1], src.rejections[1])
				}
				if c.requests > 0 && len(s.requests) != c.requests || c.requests == 0 && len(s.requests) < 3 {
					t.Errorf("%d requests", len(s.requests))
				}
				for n, documents := range s.sent()[1:] {
					if !reflect.DeepEqual(documents, []int{1}) {
						t.Errorf("request %d held %v, but only document 1 was left", n+1, documents)
					}
				}
			})
		})
	}
}

func TestARejectionHasElasticsearchsReason(t *testing.T) {
	said := item(400, "document_parsing_exception", "[1:2] failed to parse field [n] of type [long] in document with id 'a'. Preview of field's value: 'b'")
	bubble(t, policy, always(reply{items: []bulk.Item{said}}), func(t *testing.T, d *deliver.Deliverer, _ *server) {
		src := newList(1)
		if err := flush(t, d, src); err != nil {
			t.Fatal(err)
		}
		want := deliver.Rejection{
			Type: bulk.RejectionTypeOf(said.Type), Error: "document_parsing_exception", Status: 400, FullReason: string(said.Reason),
			Reason: "failed to parse field [n] of type [long] in document with id '…'", Scope: bulk.DocumentScope,
		}
		if !reflect.DeepEqual(src.rejections[0], []deliver.Rejection{want}) {
			t.Errorf("got %+v", src.rejections[0])
		}
	})
}

// More different rejections than a request tells apart must not be mixed up with
// other documents' verdicts.
func TestManyDifferentRejections(t *testing.T) {
	const n = 300
	script := func(_ int, r request) reply {
		var items []bulk.Item
		for _, document := range r.documents {
			if document%3 == 0 {
				items = append(items, item(201))
				continue
			}
			items = append(items, item(400, "document_parsing_exception", "failed to parse field [f"+string(rune('a'+document%100))+"] of type [long]"))
		}
		return reply{items: items}
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		src := newList(n)
		if err := flush(t, d, src); err != nil {
			t.Fatal(err)
		}
		for document := range n {
			if accepted := document%3 == 0; accepted && len(src.rejections[document]) != 0 || !accepted && len(src.rejections[document]) != 1 {
				t.Errorf("document %d: %v", document, src.rejections[document])
			}
		}
	})
}

// Settings that keep items out must be distinguished from all else, because an operator has to act
// on them.
func TestAMissingPrivilegeIsTheReasonWhateverElseIsLeft(t *testing.T) {
	script := always(reply{items: []bulk.Item{item(429), item(403, "security_exception", "no"), item(400)}})
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		src := newList(3)
		src.keep = true
		err := flush(t, d, src)
		why, ok := errors.AsType[*deliver.Held](err)
		if !errors.Is(err, deliver.ErrLeft) || !ok || why.Scope() != bulk.SettingsScope || why.Error() != "logs is held: item status 403, security_exception: no" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnAttemptIsObservedAsItWas(t *testing.T) {
	script := firstThen(reply{after: time.Second, failure: &bulk.Failure{Class: bulk.Unavailable, Status: 503}}, reply{after: 2 * time.Second, items: []bulk.Item{item(201), item(429)}})
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(2)); err != nil {
			t.Fatal(err)
		}
		if len(s.attempts) != 3 {
			t.Fatalf("%d attempts", len(s.attempts))
		}
		first, second, third := s.attempts[0], s.attempts[1], s.attempts[2]
		if first.Failure == nil || first.Failure.Status != 503 || first.Took != time.Second || first.Repeat || first.Items != 2 || first.Bytes != 80 {
			t.Errorf("the first: %+v", first)
		}
		if second.Failure != nil || second.Took != 2*time.Second || !second.Repeat || second.Items != 2 {
			t.Errorf("the second: %+v", second)
		}
		if third.Failure != nil || !third.Repeat || third.Items != 1 || third.Bytes != 40 {
			t.Errorf("the third: %+v", third)
		}
	})
}

func TestAnErrorOfTheSourceEndsTheDelivery(t *testing.T) {
	broken := errors.New("broken")
	bubble(t, policy, always(reply{}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		src := newList(2)
		src.fail = broken
		if err := flush(t, d, src); !errors.Is(err, broken) || errors.Is(err, deliver.ErrLeft) || len(s.requests) != 0 {
			t.Errorf("got %v after %d requests", err, len(s.requests))
		}
	})
}

func TestAnEmptyChunkSendsNothing(t *testing.T) {
	bubble(t, policy, always(reply{}), func(t *testing.T, d *deliver.Deliverer, s *server) {
		if err := flush(t, d, newList(0)); err != nil || len(s.requests) != 0 {
			t.Errorf("%v after %d requests", err, len(s.requests))
		}
	})
}

// A destination is held under its own error, behind any number of documents that are rejected with
// another one each.
func TestAHoldHasItsOwnReasonBesideManyRejections(t *testing.T) {
	const documents = 200
	src := newList(documents)
	src.target = func(n int) string {
		if n == documents-1 {
			return "blocked"
		}
		return "healthy"
	}
	script := func(_ int, r request) reply {
		answer := accepted(r)
		for i, document := range r.documents {
			if document == documents-1 {
				answer.items[i] = blockedItem
			} else {
				answer.items[i] = item(400, "document_parsing_exception", fmt.Sprintf("failed to parse field [f%d] of type [long]", document))
			}
		}
		return answer
	}
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		err := flush(t, d, src)
		held, ok := errors.AsType[*deliver.Held](err)
		if !ok || held.Destination != "blocked" || held.Why.Error != string(blockedItem.Type) {
			t.Errorf("got %v", err)
		}
		if len(src.left()) != 1 {
			t.Errorf("%d left", len(src.left()))
		}
	})
}

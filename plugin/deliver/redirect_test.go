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

// A source's replacement for a rejected document is sent at once, and judged like any other.
func TestARedirectedDocumentIsSentAnew(t *testing.T) {
	rejected := map[string]func(r request) reply{
		"item": func(r request) reply {
			answer := accepted(r)
			if at := slices.Index(r.documents, 1); at >= 0 {
				answer.items[at] = item(400, "document_parsing_exception", "why")
			}
			return answer
		},
		"illegal":   func(r request) reply { return rejects(1)(0, r) },
		"too large": func(r request) reply { return takes(60)(0, r) },
	}
	for name, reject := range rejected {
		t.Run(name, func(t *testing.T) {
			src := newSizes(40, 80, 40)
			src.redirect = true
			script := func(_ int, r request) reply {
				if len(src.rejections[1]) > 0 {
					return accepted(r) // the dead-letter record is accepted
				}
				return reject(r)
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
				began := time.Now()
				if err := flush(t, d, src); err != nil {
					t.Fatal(err)
				}
				for n, rejections := range []int{0, 1, 0} {
					if len(src.verdicts[n]) != 1 || len(src.rejections[n]) != rejections {
						t.Errorf("document %d: settled %v, rejected %v", n, src.verdicts[n], src.rejections[n])
					}
				}
				if time.Since(began) != 0 {
					t.Errorf("it waited %v", time.Since(began))
				}
			})
		})
	}
}

func TestADeadLetterThatIsRejectedIsDone(t *testing.T) {
	script := func(_ int, r request) reply { return rejects(1, 2)(0, r) }
	bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
		src := newList(4)
		src.redirect = true
		if err := flush(t, d, src); err != nil {
			t.Fatal(err)
		}
		for n := 1; n < 3; n++ {
			if len(src.rejections[n]) != 2 {
				t.Errorf("document %d was rejected %d times", n, len(src.rejections[n]))
			}
		}
		if len(s.requests) > 20 {
			t.Errorf("%d requests", len(s.requests))
		}
	})
}

// Beside documents that must wait, a redirected one waits with them.
func TestARedirectedDocumentBesideOthersThatAreLeft(t *testing.T) {
	for name, c := range map[string]struct {
		item bulk.Item
		left []int
	}{
		"throttled":    {item(429), []int{1}},
		"no privilege": {item(403, "security_exception"), []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			src := newList(2)
			src.redirect = true
			script := func(_ int, r request) reply {
				answer := accepted(r)
				for i, document := range r.documents {
					switch {
					case document == 1:
						answer.items[i] = c.item
					case len(src.rejections[0]) == 0:
						answer.items[i] = item(400, "document_parsing_exception")
					}
				}
				return answer
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				if err := flush(t, d, src); !errors.Is(err, deliver.ErrLeft) {
					t.Errorf("got %v", err)
				}
				if left := src.left(); !slices.Equal(left, c.left) || len(src.verdicts[0]) != 1 {
					t.Errorf("left %v, settled %v", left, src.verdicts)
				}
				if len(s.requests) > 30 {
					t.Errorf("%d requests", len(s.requests))
				}
			})
		})
	}
}

// Dead-letter records have Elasticsearch's reason for each document; a summary needs it only once.
func TestReasonsOfEachDocument(t *testing.T) {
	script := func(_ int, r request) reply {
		var answer reply
		for _, document := range r.documents {
			answer.items = append(answer.items, item(400, "document_parsing_exception", "failed to parse field [n] of type [long] in document with id '"+string(rune('a'+document))+"'"))
		}
		answer.items[1] = item(201)
		return answer
	}
	said := func(id string) string {
		return "failed to parse field [n] of type [long] in document with id '" + id + "'"
	}
	for name, c := range map[string]struct {
		reasons deliver.Reasons
		want    []string
	}{
		"each":      {deliver.EachReason, []string{said("a"), said("c"), said("d")}},
		"the first": {deliver.FirstReasons, []string{said("a"), said("a"), said("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy
			p.Reasons = c.reasons
			bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
				src := newList(4)
				if err := flush(t, d, src); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, n := range []int{0, 2, 3} {
					got = append(got, src.rejections[n][0].FullReason)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

// Each holds 1 KB at the most, and all of them 1 MB: those beyond have the
// reason of the first that was rejected alike.
func TestReasonsAreBounded(t *testing.T) {
	p := policy
	p.Reasons = deliver.EachReason
	script := func(_ int, r request) reply {
		var answer reply
		for _, document := range r.documents {
			reason := make([]byte, 1024)
			for i := range reason {
				reason[i] = 'a' + byte(document%26)
			}
			answer.items = append(answer.items, item(400, "document_parsing_exception", "in document with id '"+string(reason)+"'"))
		}
		return answer
	}
	bubble(t, p, script, func(t *testing.T, d *deliver.Deliverer, _ *server) {
		src := newList(2000)
		if err := flush(t, d, src); err != nil {
			t.Fatal(err)
		}
		own, first := 0, src.rejections[0][0].FullReason
		for n := range 2000 {
			reason := src.rejections[n][0].FullReason
			switch {
			case reason[30] == 'a'+byte(n%26):
				own++
			case reason != first:
				t.Fatalf("document %d has the reason of another", n)
			}
		}
		if own < 900 || own > 1100 {
			t.Errorf("%d have a reason of their own", own)
		}
	})
}

func TestEventsHaveDifferentNames(t *testing.T) {
	seen := map[[16]byte]bool{}
	for _, chunk := range []func() deliver.Digest{name("tag", "a"), name("tag", "b"), name("other", "a")} {
		for position := range 1000 {
			seen[chunk().Event(position)] = true
		}
		if again := chunk().Event(7); !seen[again] {
			t.Error("an event has two names")
		}
	}
	if len(seen) != 3000 {
		t.Errorf("%d names for 3000 events", len(seen))
	}
}

// Whatever Elasticsearch says to the document that proves an accused one guilty, the dead-letter
// record of the accused, which lies before it, is sent.
func TestADeadLetterIsSentWhateverBecomesOfItsNeighbour(t *testing.T) {
	for name, neighbour := range map[string]bulk.Item{
		"throttled":    item(429, "es_rejected_execution_exception"),
		"unavailable":  item(503, "unavailable_shards_exception"),
		"rejected":     item(400, "document_parsing_exception"),
		"index closed": item(400, "index_closed_exception"),
	} {
		t.Run(name, func(t *testing.T) {
			src := newList(2)
			src.redirect = true
			met := false
			script := func(_ int, r request) reply {
				if slices.Contains(r.documents, 0) && len(src.rejections[0]) == 0 {
					return failed(bulk.BadRequest, 400)
				}
				if answer := accepted(r); !met {
					met = true
					answer.items[0] = neighbour
					return answer
				}
				return accepted(r)
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				for try := 0; flush(t, d, src) != nil; try++ {
					if try == 20 {
						t.Fatalf("%v are left", src.left())
					}
					time.Sleep(policy.MaxPause)
				}
				if len(src.left()) > 0 || len(src.verdicts[0]) != 1 {
					t.Errorf("a delivery is done, and %v are left: %v", src.left(), s.sent())
				}
			})
		})
	}
}

// A probe asks one destination: the dead-letter record of a document that it proves guilty, for
// another one, is sent behind it.
func TestADeadLetterOfAProbeIsSent(t *testing.T) {
	for name, documents := range map[string]int{"the last of its destination": 2, "others follow": 4} {
		t.Run(name, func(t *testing.T) {
			src := newList(documents)
			src.redirect = true
			src.target = func(n int) string {
				switch {
				case n == 0:
					return "open"
				case len(src.rejections[n]) > 0:
					return "letters"
				}
				return "closed"
			}
			script := func(_ int, r request) reply {
				if slices.Contains(r.documents, 1) && src.target(1) == "closed" {
					return failed(bulk.BadRequest, 400)
				}
				return accepted(r)
			}
			bubble(t, policy, script, func(t *testing.T, d *deliver.Deliverer, s *server) {
				before := newList(1)
				before.target = func(int) string { return "closed" }
				holds := accepted(request{documents: []int{0}})
				holds.items[0] = item(403, "cluster_block_exception")
				s.script = always(holds)
				if err := flush(t, d, before); err == nil || d.HeldDestinations() != 1 {
					t.Fatalf("%v, nothing is held", err)
				}
				s.script = script
				time.Sleep(policy.MaxPause)
				for try := 0; flush(t, d, src) != nil; try++ {
					if try == 20 {
						t.Fatalf("%v are left", src.left())
					}
					time.Sleep(policy.MaxPause)
				}
				if len(src.left()) > 0 || len(src.rejections[1]) != 1 || len(src.verdicts[1]) != 1 {
					t.Errorf("a delivery is done, and %v are left: %v", src.left(), s.sent())
				}
			})
		})
	}
}

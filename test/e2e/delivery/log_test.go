package delivery

import (
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/support"
)

// TestFlappingIsNotLoggedEachTime: one request in five fails, for a while. That is one state, not a
// hundred.
func TestFlappingIsNotLoggedEachTime(t *testing.T) {
	const chunks, lines = 200, 20
	for _, fault := range []faults.Fault{faults.CutBefore, faults.DropIdle, faults.Unavailable} {
		t.Run(fault.String(), func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{Seed: 2, Rules: []faults.Rule{{Fault: fault, Share: 0.2}}})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index)
			for range chunks {
				p.MustDeliver(t, e2e.ChunkWith(t, 1, nil))
			}
			if got := p.Count("Elasticsearch"); got > lines {
				t.Errorf("%d lines tell of %d faults among %d requests, want at most %d", got, proxy.Account().Count(fault), proxy.Account().Requests(), lines)
			}
		})
	}
}

// TestTwoFaultsInTurnAreNotLoggedEachTime: two nodes behind one address fail in two ways. Each is
// explained once a minute.
func TestTwoFaultsInTurnAreNotLoggedEachTime(t *testing.T) {
	const flushes, lines = 60, 4
	s := e2e.Cluster(t)
	proxy := e2e.StartFaults(t, s, faults.Options{Seed: 2, Rules: []faults.Rule{{Fault: faults.Unauthorized, Share: 0.5}, {Fault: faults.Unavailable, Share: 0.5}}})
	p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+e2e.FreshIndex(t, s))
	for range flushes {
		p.Flush("app", e2e.ChunkWith(t, 1, nil))
		time.Sleep(e2e.ReplayPause)
	}
	if got := p.Count("Elasticsearch"); got > lines {
		t.Errorf("%d lines tell of %d requests that failed in two ways, want at most %d", got, proxy.Account().Requests(), lines)
	}
}

// TestTheFirstRejectionIsLoggedAtOnceWithItsCause: the fault of a document is logged when it
// happens, even right after a summary of other lines, with the server's cause and none of the
// record's values. Repetitions are counted.
func TestTheFirstRejectionIsLoggedAtOnceWithItsCause(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"long"},"code":{"type":"long"},"when":{"type":"date"}}}}`); err != nil {
		t.Fatal(err)
	}
	p := e2e.NewInstance(t, "Hosts "+s.URL(), "Index "+index)
	refuse := func(records int, field string) {
		t.Helper()
		if got := p.Flush("app", e2e.ChunkWith(t, records, func(i int, record string) string {
			return record[:len(record)-1] + `,"` + field + `":"secret-word"}`
		})); got != es.OK {
			t.Errorf("the flush answered %d", got)
		}
	}
	refuse(3, "code")
	if n := p.Count(" warn]", index, "[code]", "caused by ", "For input string", ": 1\n"); n != 1 {
		t.Errorf("%d lines tell of the first refusal when its flush is over, want 1", n)
	}
	support.Eventually(t, 10*time.Second, "the others are counted", func() bool {
		refuse(0, "") // a flush prints the lines of goroutines
		return p.Count("[code]", ": 2 more\n") == 1
	})
	refuse(1, "when") // a summary has just been written: the next is due in a minute
	if n := p.Count(" warn]", index, "[when]", "caused by ", "failed to parse date field […]", ": 1\n"); n != 1 {
		t.Errorf("%d lines tell of another refusal when its flush is over, want 1", n)
	}
	refuse(1, "when")
	p.Close()
	if n := p.Count("[when]", ": 1 more\n"); n != 1 {
		t.Errorf("%d lines count what came after it, want 1", n)
	}
	if n := p.Count("secret-word"); n != 0 {
		t.Errorf("%d lines tell a record's value", n)
	}
}

package delivery

import (
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
)

// TestFlappingIsNotLoggedEachTime: one request in five fails, for a while. That is one state, not a hundred.
func TestFlappingIsNotLoggedEachTime(t *testing.T) {
	const chunks, lines = 200, 20
	for _, fault := range []faults.Fault{faults.CutBefore, faults.DropIdle, faults.Unavailable} {
		t.Run(fault.String(), func(t *testing.T) {
			s := e2e.Cluster(t)
			index := e2e.MappedIndex(t, s)
			proxy := e2e.StartFaults(t, s, faults.Options{Seed: 2, Rules: []faults.Rule{{Fault: fault, Share: 0.2}}})
			p := e2e.NewInstance(t, "Hosts "+proxy.URL(), "Index "+index)
			for range chunks {
				p.MustBring(t, e2e.ChunkWith(t, 1, nil))
			}
			if got := p.Count("Elasticsearch"); got > lines {
				t.Errorf("%d lines tell of %d faults among %d requests, want at most %d", got, proxy.Account().Count(fault), proxy.Account().Requests(), lines)
			}
		})
	}
}

// TestTwoFaultsInTurnAreNotLoggedEachTime: two nodes behind one address fail in two ways. Each is explained once a minute.
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

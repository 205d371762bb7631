package agents

import (
	"net"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// endingState is a state of an exchange in which an agent is told to end.
type endingState struct {
	name  string
	serve func(*stage, net.Conn)
	// large is an input of several requests, sent two at a time.
	large bool
	// secure is an https address.
	secure bool
	// shakes is one behind which no TLS is.
	shakes bool
	// brief is a state that make test tries, too.
	brief bool
	// reached reports whether the agent is in the state; without it, the stage tells.
	reached func(*stage, *fluentbit.Agent) bool
	// begin makes Elasticsearch's part of the state. What it returns ends it.
	begin func(t *testing.T, s *elasticsearch.Server, prefix string) (end func())
}

func endingStates() []endingState {
	return []endingState{
		{name: "writing the request", serve: serveBulks(neverRead), large: true, brief: true},
		{name: "waiting for the answer", serve: serveBulks(neverAnswer)},
		{name: "waiting for the answer over TLS", serve: serveBulks(neverAnswer), secure: true},
		{name: "reading the answer", serve: serveBulks(halfAnswer), brief: true},
		{name: "reading the answer over TLS", serve: serveBulks(halfAnswer), secure: true},
		{name: "one of two requests answered", serve: serveBulks(oneOfTwo), large: true, brief: true},
		{name: "connecting again", serve: serveBulks(neverConnectAgain), large: true,
			reached: func(s *stage, _ *fluentbit.Agent) bool { return s.connecting() }},
		{name: "shaking hands", serve: neverShakeHands, shakes: true},
		{name: "between two tries", serve: serveBulks(reject("503 Service Unavailable"))},
		{name: "throttled", serve: serveBulks(reject("429 Too Many Requests", "Retry-After: 60"))},
		{name: "probing", serve: serveBulks(neverAnswerTheSecond), brief: true},
		{name: "held", serve: serveBulks(passOn), begin: blockDay,
			reached: func(_ *stage, a *fluentbit.Agent) bool { return strings.Contains(a.Log(), " is held") }},
	}
}

// blockDay refuses writes to the index of the lines.
func blockDay(t *testing.T, s *elasticsearch.Server, prefix string) func() {
	t.Helper()
	index := prefix + "logs-" + e2e.FirstTime.Format("2006.01.02")
	if err := s.PutIndex(t.Context(), index, "{}"); err != nil {
		t.Fatal(err)
	}
	block := func(value string) {
		if _, err := s.Do(t.Context(), "PUT", "/"+index+"/_settings", []byte(`{"index.blocks.write":`+value+`}`)); err != nil {
			t.Error(err)
		}
	}
	block("true")
	return func() { block("null") }
}

// TestTermInEveryStateOfAnExchange ends an agent in each state of an exchange. The exit keeps its
// time, and the next agent delivers the rest: each line is there once.
func TestTermInEveryStateOfAnExchange(t *testing.T) {
	for _, state := range endingStates() {
		for name, file := range map[string]string{"no spool": losslessFile, "spool": "../../../examples/spool.conf"} {
			t.Run(state.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				if !state.brief || file == losslessFile {
					support.LongForm(t)
				}
				state.end(t, file)
			})
		}
	}
}

const (
	// endingTimeout is Request_Timeout without a spool, which an exit waits for, and endingGrace is
	// Grace. With a spool Request_Timeout is 60 s, and an exit does not wait for it.
	endingTimeout = 5 * time.Second
	endingGrace   = 2 * time.Second
)

func (e endingState) end(t *testing.T, file string) {
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	changes := []string{"grace 2", "generate_id: compress off", "generate_id: bulk_size 200K"}
	if e.secure {
		changes = append(changes, "generate_id: tls_verify off")
	}
	if file == losslessFile {
		changes = append(changes, "request_timeout 5s")
	}
	lines := 20
	if e.large {
		lines = 10_000
	}
	written := e2e.WriteLines(t, at.Logs, "app", lines)
	end := func() {}
	if e.begin != nil {
		end = e.begin(t, s, at.Prefix)
	}
	stage := startStage(t, s.URL(), e.secure, e.serve)
	address := stage.url
	if e.shakes {
		address = strings.Replace(address, "http:", "https:", 1)
	}
	agent := at.Start(t, e2e.Edited(t, file, changes...), address)
	support.Eventually(t, time.Minute, "the state is reached", func() bool {
		if e.reached != nil {
			return e.reached(stage, agent)
		}
		select {
		case <-stage.reached:
			return true
		default:
			return agent.Ended()
		}
	})
	took := agent.Stop(t)
	t.Logf("the exit took %s", took.Round(10*time.Millisecond))
	if most := endingGrace + endingTimeout + termMore; took > most {
		t.Errorf("the exit took %s, more than %s", took, most)
	}
	stage.release()
	end()
	next := at.Start(t, e2e.Edited(t, file, "grace 2"), s.URL())
	e2e.AwaitAll(t, s, at.Prefix, len(written))
	spools := 1
	if file == losslessFile {
		spools = 0
	}
	awaitNothingWaits(t, at, next, spools)
	next.Stop(t)
	e2e.Take(t, s, at.Prefix).AssertOnceAfterRestarts(t, written)
	if stage.whole.Load() {
		t.Error("the request was written whole: the agent was in another state")
	}
}

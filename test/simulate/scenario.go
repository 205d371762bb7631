package simulate

import (
	"context"
	"math/rand/v2"
	"time"

	"out_es/plugin/deliver"
)

// Scenario is a fleet of equal agents, each on a node of its own, and an
// Elasticsearch that goes away and comes back.
type Scenario struct {
	Agents    int
	Scheduler Scheduler
	Policy    deliver.Policy
	// Every is how often an agent has a new chunk.
	Every time.Duration
	// Logs is how long into the outage new logs come, zero for always.
	Logs time.Duration
	// Calm comes before the Outage, After behind it.
	Calm, Outage, After time.Duration
	// Kind is the outage as seen by an agent.
	Kind Kind
	// Mixed says that every other chunk is for a destination without trouble.
	Mixed bool
	// Latency is how long an answer takes.
	Latency time.Duration
}

// Defaults are the plugin's own: Bulk_Size, Request_Timeout, Retry_Initial,
// Retry_Max and Retry_Budget.
var Defaults = deliver.Policy{
	Bytes: 5 << 20, RequestTimeout: 60 * time.Second,
	InitialPause: 500 * time.Millisecond, MaxPause: 30 * time.Second, Budget: 5 * time.Second,
}

// Trace is the record of one agent. Times count from the beginning of the outage.
type Trace struct {
	Requests []Request
	Flushes  []Flush
	// Queued is the longest that its queue of waiting chunks was, Waiting how long
	// it is at the end.
	Queued, Waiting int
	// Late is how often chunks for a destination without trouble went back.
	Late int
}

// Run plays one agent, which random makes differ from the others: in when its
// logs come and when it was started. It must run in a bubble of its own.
func (s Scenario) Run(ctx context.Context, random *rand.Rand) *Trace {
	began := time.Now()
	zero := began.Add(s.Calm)
	cluster := &Cluster{Zero: zero, Outage: s.Outage, Kind: s.Kind, Latency: s.Latency}
	agent := &Agent{
		Deliverer: deliver.New(cluster, cluster, s.Policy),
		Scheduler: s.Scheduler,
		Started:   began.Add(-time.Duration(random.Int64N(int64(frame)))),
		First:     time.Duration(random.Int64N(int64(s.Every))),
		Every:     s.Every,
		Random:    random,
		Mixed:     s.Mixed,
	}
	if s.Logs > 0 {
		agent.Last = zero.Add(s.Logs)
	}
	trace := agent.Run(ctx, cluster, zero, began.Add(s.Calm+s.Outage+s.After))
	trace.Requests = cluster.Requests
	return trace
}

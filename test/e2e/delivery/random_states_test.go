package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
)

// stormTemplate makes the storm's indices as FieldMappings does, also those that a bulk request
// makes.
const stormTemplate = `{"index_patterns":["BAD-*"],"priority":400,"template":` + e2e.FieldMappings + `}`

// stormState is a state of Elasticsearch for the indices of a storm.
type stormState struct {
	name          string
	of            int // the index, everyIndex for the cluster
	begin, repair []call
	busy          bool // the proxy makes it, for the index
}

const everyIndex = -1

// stormStates are those that come and go at random. BAD is the beginning of the indices' names;
// BAD-3 is an alias, and BAD-5 is deleted at the beginning.
func stormStates() []stormState {
	setting := func(name string, of int, key string) stormState {
		path := fmt.Sprintf("/BAD-%d/_settings", of)
		return stormState{name: name, of: of, begin: []call{{"PUT", path, `{"` + key + `":true}`}}, repair: []call{{"PUT", path, `{"` + key + `":null}`}}}
	}
	alias := func(writes string) []call {
		return []call{{"POST", "/_aliases", `{"actions":[{"add":{"index":"BAD-3-a","alias":"BAD-3","is_write_index":` + writes + `}}]}`}}
	}
	return []stormState{
		setting("write block", 0, "index.blocks.write"),
		setting("read-only index", 1, "index.blocks.read_only"),
		setting("flood stage", 2, "index.blocks.read_only_allow_delete"),
		{name: "closed index", of: 1, begin: []call{{"POST", "/BAD-1/_close", ""}}, repair: []call{{"POST", "/BAD-1/_open?wait_for_active_shards=1", ""}}},
		{name: "alias without a write index", of: 3, begin: alias("false"), repair: alias("true")},
		{name: "unassigned primary", of: 4,
			begin: []call{{"POST", "/BAD-4/_close", ""}, {"PUT", "/BAD-4/_settings", `{"index.routing.allocation.require._name":"nowhere"}`},
				{"POST", "/BAD-4/_open?wait_for_active_shards=0", ""}},
			repair: []call{{"PUT", "/BAD-4/_settings", `{"index.routing.allocation.require._name":null}`}}},
		{name: "item-level 429", of: 0, busy: true},
		{name: "item-level 429", of: 2, busy: true},
		{name: "read-only cluster", of: everyIndex, begin: []call{clusterSet("cluster.blocks.read_only", "true")}, repair: []call{clusterSet("cluster.blocks.read_only", "null")}},
	}
}

// climate changes the states of the server while a storm goes on.
type climate struct {
	s      *elasticsearch.Server
	index  string // begins the names of the storm's indices
	random *rand.Rand
	steps  int
	busy   *busyIndices
	met    map[string]int // how often each state was
}

// do makes requests.
func (c *climate) do(t *testing.T, calls ...call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	for _, one := range calls {
		if _, err := c.s.Do(ctx, one[0], strings.ReplaceAll(one[1], "BAD", c.index), []byte(strings.ReplaceAll(one[2], "BAD", c.index))); err != nil {
			t.Error(err)
		}
	}
}

func (c *climate) begin(t *testing.T, state stormState) {
	c.met[state.name]++
	if state.busy {
		c.busy.names.Store(fmt.Sprintf("%s-%d", c.index, state.of), true)
	}
	c.do(t, state.begin...)
}

func (c *climate) repair(t *testing.T, state stormState) {
	if state.busy {
		c.busy.names.Delete(fmt.Sprintf("%s-%d", c.index, state.of))
	}
	c.do(t, state.repair...)
}

// draw picks up to three states of different indices, or that of the cluster alone.
func (c *climate) draw() (drawn []stormState) {
	states := stormStates()
	used := map[int]bool{}
	for range 1 + c.random.IntN(3) {
		one := states[c.random.IntN(len(states))]
		if one.of == everyIndex && len(drawn) == 0 {
			return []stormState{one}
		}
		if one.of != everyIndex && !used[one.of] {
			used[one.of] = true
			drawn = append(drawn, one)
		}
	}
	return drawn
}

// feed hands out the chunks of a storm in steps, each in other states, the first two before the
// last index is made.
func (c *climate) feed(t *testing.T, m *storm) func(queue chan<- tagged) {
	return func(queue chan<- tagged) {
		left := m.chunks
		step := func(parts int) {
			n := len(left) / parts
			for _, one := range left[:n] {
				queue <- one
			}
			left = left[n:]
			time.Sleep(time.Duration(100+c.random.IntN(300)) * time.Millisecond) // however long: the next state is another one
		}
		c.met["deleted index"]++
		step(c.steps + 2)
		c.met["shard limit"]++
		c.do(t, clusterSet("cluster.max_shards_per_node", "1"), clusterSet("action.auto_create_index", "null"))
		step(c.steps + 1)
		c.do(t, clusterSet("cluster.max_shards_per_node", "null"))
		for i := range c.steps {
			states := c.draw()
			for _, one := range states {
				c.begin(t, one)
			}
			step(c.steps - i)
			for _, one := range slices.Backward(states) {
				c.repair(t, one)
			}
		}
	}
}

// TestRandomStatesAndFaultsLoseNothing mixes states of Elasticsearch that keep single indices, or
// all, from taking documents with the faults of a storm, and records that it rejects: each good
// record is there once, and each other has one dead-letter record.
func TestRandomStatesAndFaultsLoseNothing(t *testing.T) {
	p := planned(t)
	steps := 24
	if p.short {
		steps, p.records, p.seeds = 4, 400, p.seeds[:2]
	}
	for i, seed := range p.seeds {
		for _, spooled := range []bool{false, true} {
			if p.short && spooled != (i%2 == 1) {
				continue // one variant a seed
			}
			t.Run(fmt.Sprintf("spool %v seed %d", spooled, seed), func(t *testing.T) {
				s := e2e.Cluster(t)
				c := &climate{s: s, index: e2e.FreshIndex(t, s), random: rand.New(rand.NewPCG(seed, 16)), steps: steps, busy: &busyIndices{}, met: map[string]int{}}
				t.Cleanup(func() {
					c.do(t, clusterSet("cluster.blocks.read_only", "null"), clusterSet("cluster.max_shards_per_node", "null"), clusterSet("action.auto_create_index", "null"),
						call{"DELETE", "/_index_template/BAD", ""})
				})
				c.do(t, call{"PUT", "/_index_template/BAD", stormTemplate})
				for _, one := range []string{"0", "1", "2", "3-a", "3-b", "4", "5", "9"} {
					c.do(t, call{"PUT", "/BAD-" + one, ""})
				}
				c.do(t, call{"POST", "/_aliases", `{"actions":[{"add":{"index":"BAD-3-a","alias":"BAD-3","is_write_index":true}},{"add":{"index":"BAD-3-b","alias":"BAD-3"}}]}`},
					clusterSet("action.auto_create_index", `"-BAD-5,+*"`), call{"DELETE", "/BAD-5", ""})
				dead := c.index + ".dead"
				c.do(t, call{"PUT", "/" + dead, ""})
				made := newStorm(t, seed, p.records, p.chunk)
				made.feed, made.busy = c.feed(t, made), c.busy
				options := []string{"Generate_ID on", "Index " + c.index + "-$to", "Dead_Letter_Index " + dead}
				if spooled {
					options = append(options, "Spool_Path "+t.TempDir(), "Spool_Linger 10ms")
					made.drained = func() { made.await(t, s, c.index, dead, p.patience) }
				}
				made.weather(t, s, p.patience, options)
				t.Logf("states %v", c.met)
				made.read(t, s, c.index+"-*").wantOnce(t)
				made.readLetters(t, s, c.index+"-", dead)
			})
		}
	}
}

// await waits until as many documents are there as the storm has records, dead-letter records
// included.
func (m *storm) await(t *testing.T, s *elasticsearch.Server, index, dead string, patience time.Duration) {
	t.Helper()
	count := func(pattern string) int {
		_ = s.Refresh(t.Context(), pattern)
		n, err := s.Count(t.Context(), pattern)
		if err != nil {
			return -1
		}
		return n
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if count(index+"-*")-count(index+"-9")+count(dead) >= m.records {
			return
		}
	}
	t.Errorf("after %s there are %d documents and %d dead-letter records of %d records", patience, count(index+"-*")-count(index+"-9"), count(dead), m.records)
}

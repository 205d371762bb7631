package delivery

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const (
	// besideLag is how late records of the healthy index may be.
	besideLag = 5 * time.Second
	// bulkWait is how long a server waits for a shard: a quarter of Request_Timeout, at most this.
	bulkWait = 5 * time.Second
	// besideBeats is how often a second lines are written.
	besideBeats = 4
)

// besideRun is the size of a run.
type besideRun struct {
	rate          int // records a second for each index
	calm, trouble time.Duration
	// scheduler is the most seconds that Fluent Bit waits for a retry, retryMax the plugin's, 0 for
	// its default.
	scheduler int
	retryMax  time.Duration
	// measured means that delays and memory are judged, which only a machine with nothing else to
	// do shows.
	measured bool
}

// besideLong is the long form: TROUBLE=60s asks for the duration that docs/delivery.md has figures
// of, and judges them.
func besideLong(t *testing.T) besideRun {
	t.Helper()
	r := besideRun{rate: 200, calm: 3 * time.Second, trouble: 10 * time.Second, scheduler: 5, retryMax: 5 * time.Second}
	if text := os.Getenv("TROUBLE"); text != "" {
		var err error
		if r.trouble, err = time.ParseDuration(text); err != nil || r.trouble < time.Second {
			t.Fatalf("TROUBLE is %q, not a duration such as 60s", text)
		}
		r.measured = true
	}
	if r.trouble >= time.Minute {
		r.retryMax = 0
	}
	return r
}

// besideConfig is an agent that tails one file, whose lines name their index.
const besideConfig = `[SERVICE]
    Flush 1
    Grace 2
    Log_Level info
    Parsers_File %[1]s/parsers.conf
    storage.path %[1]s/storage
    scheduler.base 1
    scheduler.cap %[4]d
[INPUT]
    Name tail
    Path %[1]s/lines.log
    Tag app
    Parser json
    Read_From_Head on
    Refresh_Interval 1
    storage.type filesystem
[OUTPUT]
    Name %[2]s
    Match *
    Logstash_Format on
    Logstash_Prefix_Key $to
    Logstash_DateFormat all
    Generate_ID on
    Retry_Limit no_limits
%[3]s`

// besideAgent is a Fluent Bit whose records for one index stand beside those for indices in
// trouble.
type besideAgent struct {
	name, index string // of the output and its variant, of the indices without their ends
	output      string // the section's other lines
	troubles    []trouble
	run         besideRun
	dir         string
	proxy       *faults.Proxy
	agent       *agent.Agent

	written          int // lines for each index
	behind           time.Duration
	requests         int   // in the trouble
	memory           []int // anonymous memory in KB, each second of the trouble
	lost, duplicated int
	spooled          int64 // the most that the spool took
}

func (b *besideAgent) good() string     { return b.index + "-good-all" }
func (b *besideAgent) bad(i int) string { return fmt.Sprintf("%s-bad%d-all", b.index, i) }

// names are those of the states.
func (b *besideAgent) names() string {
	var names []string
	for _, trouble := range b.troubles {
		names = append(names, trouble.name)
	}
	return strings.Join(names, ", ")
}

// start starts the agent, and makes the healthy index before it.
func (b *besideAgent) start(t *testing.T, s *elasticsearch.Server, program string, busy *busyIndices) {
	t.Helper()
	b.index, b.dir, b.proxy = e2e.FreshIndex(t, s), t.TempDir(), e2e.StartFaults(t, s, faults.Options{Busy: busy.has})
	asks(t, s, b.good(), [3]string{"PUT", "/BAD", `{"mappings":{"properties":{"n":{"type":"integer"}}}}`})
	parsers := "[PARSER]\n    Name json\n    Format json\n"
	if err := os.WriteFile(filepath.Join(b.dir, "parsers.conf"), []byte(parsers), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(b.proxy.URL(), "http://"), ":")
	kind, output := "es_go", fmt.Sprintf("    Hosts %s\n%s", b.proxy.URL(), strings.ReplaceAll(b.output, "DIR", b.dir))
	if b.run.retryMax > 0 {
		output += "    Retry_Max " + b.run.retryMax.String() + "\n" // it is noticed soon that the trouble is over
	}
	options := agent.Options{Program: program, Plugin: e2e.Plugin(), Folder: b.dir}
	if b.name == "es" {
		options.Plugin, kind = "", "es"
		output = fmt.Sprintf("    Host %s\n    Port %s\n    Suppress_Type_Name on\n    Buffer_Size false\n", host, port)
	}
	options.Configuration = fmt.Sprintf(besideConfig, b.dir, kind, output, b.run.scheduler)
	a, err := agent.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	b.agent = a
	t.Cleanup(func() {
		if a.Kill(); t.Failed() {
			t.Logf("%s, %s: the end of its log:\n%s", b.names(), b.name, support.LastLines(a.Log(), 60))
		}
	})
}

// write writes lines before and during the trouble, and counts the documents that arrive.
func (b *besideAgent) write(t *testing.T, s *elasticsearch.Server) {
	log, err := os.Create(filepath.Join(b.dir, "lines.log"))
	if err != nil {
		t.Error(err)
		return
	}
	defer log.Close()
	var times []time.Time // of each beat
	before := 0
	for beat := range int((b.run.calm + b.run.trouble) / time.Second * besideBeats) {
		var lines bytes.Buffer
		for range b.run.rate / besideBeats {
			fmt.Fprintf(&lines, "{\"n\":%d,\"to\":\"%s-good\"}\n", b.written, b.index)
			for i := range b.troubles {
				fmt.Fprintf(&lines, "{\"n\":%d,\"to\":\"%s-bad%d\"}\n", b.written, b.index, i)
			}
			b.written++
		}
		if _, err := log.Write(lines.Bytes()); err != nil {
			t.Error(err)
			return
		}
		times = append(times, time.Now())
		time.Sleep(time.Second / besideBeats)
		inTrouble := time.Duration(beat) * time.Second / besideBeats
		if inTrouble < b.run.calm {
			before = b.proxy.Account().Requests()
			continue
		}
		if beat%besideBeats != 0 {
			continue
		}
		if sample, err := agent.TakeSample(b.agent.PID()); err == nil {
			b.memory = append(b.memory, sample.Anonymous)
		}
		if n := e2e.Count(t, s, b.good()); n >= 0 && n < b.written {
			b.behind = max(b.behind, time.Since(times[n/(b.run.rate/besideBeats)]))
		}
		b.spooled = max(b.spooled, bytesBelow(filepath.Join(b.dir, "spool")))
	}
	b.requests = b.proxy.Account().Requests() - before
}

// isolated waits until all records of the healthy index are there and all others' indices are held.
// The trouble lasts as long.
func (b *besideAgent) isolated(t *testing.T, s *elasticsearch.Server) {
	if b.name == "es" {
		return
	}
	if n := e2e.AwaitCount(t, s, b.good(), b.written); n != b.written {
		t.Fatalf("the healthy index has %d of %d records while %s last", n, b.written, b.names())
	}
	for i, trouble := range b.troubles {
		if trouble.says == nil {
			continue
		}
		support.Eventually(t, time.Minute, trouble.name+" is told", func() bool {
			for line := range strings.Lines(b.agent.Log()) {
				if strings.Contains(line, b.bad(i)+" is held") && strings.Contains(line, trouble.says[0]) && strings.Contains(line, trouble.says[1]) {
					return true
				}
			}
			return false
		})
	}
}

// bytesBelow is the size of all files in a folder.
func bytesBelow(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// arrive waits until all records are there, or no more come, and counts those that were lost or
// duplicated.
func (b *besideAgent) arrive(t *testing.T, s *elasticsearch.Server) {
	t.Helper()
	indices := []string{b.good()}
	for i := range b.troubles {
		indices = append(indices, b.bad(i))
	}
	last, at := -1, time.Now()
	for n := e2e.Count(t, s, b.index+"*"); n < len(indices)*b.written && time.Since(at) < 75*time.Second; n = e2e.Count(t, s, b.index+"*") {
		if n != last {
			last, at = n, time.Now()
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, index := range indices {
		seen := map[int]int{}
		if err := s.Documents(t.Context(), index+"*", func(d elasticsearch.Document) error {
			source, err := e2e.Decode(d.Source)
			if err == nil {
				seen[e2e.NumberOf(source)]++
			}
			return err
		}); err != nil {
			t.Errorf("%s: %v", index, err)
		}
		b.lost += b.written - len(seen)
		for _, n := range seen {
			b.duplicated += n - 1
		}
	}
}

// judge compares the figures with the bounds in docs/delivery.md. healthy is an agent without
// trouble, nil for none.
func (b *besideAgent) judge(t *testing.T, healthy *besideAgent) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(b.agent.Log()) {
		if strings.Contains(line, "[output:es_go:") && (strings.Contains(line, "[ warn]") || strings.Contains(line, "[error]")) {
			lines++
		}
	}
	half := len(b.memory) / 2
	grown := 0
	if half > 5 {
		grown = maximum(b.memory[half:]) - maximum(b.memory[:half])
	}
	goodDay := 0
	if healthy != nil {
		goodDay = healthy.requests
	}
	t.Logf("%-28s %-11s %5d lost, %d duplicated of %d; healthy index at most %4.1f s behind; %3d requests in the trouble (%d without it); %d lines; memory %+d KB; spool at most %d KB",
		b.names(), b.name, b.lost, b.duplicated, b.written*(1+len(b.troubles)), b.behind.Seconds(), b.requests, goodDay, lines, grown, b.spooled>>10)
	if b.name == "es" {
		return
	}
	minutes := int(time.Since(b.agent.Began()).Minutes()) + 1
	if b.lost+b.duplicated > 0 || lines > 3*minutes*len(b.troubles) {
		t.Errorf("%s, %s: see above; %s", b.names(), b.name, b.agent.Log())
	}
	if held := strings.Contains(b.agent.Log(), " is held"); held != (b != healthy) {
		t.Errorf("%s, %s: an index is held: %v", b.names(), b.name, held)
	}
	if !b.run.measured || healthy == nil {
		return
	}
	lag, spare := besideLag, 0.0
	if b.run.retryMax > 0 {
		spare = 5 + b.run.trouble.Seconds()/2 // Retry_Max is short, and the first tries come soon
	}
	if strings.Contains(b.names(), "unassigned primary") {
		lag += bulkWait // once
	}
	if b.behind > lag || float64(b.requests) > 1.2*float64(healthy.requests)+spare {
		t.Errorf("%s, %s: too late, or too many requests: see above; %s", b.names(), b.name, b.agent.Log())
	}
	// Fluent Bit holds the chunks that wait for a retry itself: their bytes are its own.
	if waits := b.written * 100 >> 10; grown > waits+4096 || b.spooled > int64(4*(waits<<10)+1<<20) {
		t.Errorf("%s, %s: more memory or disk than %d KB that wait explain", b.names(), b.name, waits)
	}
}

func maximum(values []int) (m int) {
	for _, v := range values {
		m = max(m, v)
	}
	return m
}

// autoCreationOff is the state that is made for these indices alone here.
const autoCreationOff = "auto-creation off"

// ofCluster is 0 for a state of an index, and more for one of the cluster.
func ofCluster(name string) int {
	return slices.Index([]string{"", autoCreationOff, "shard limit"}, name) + 1
}

// besideAll lets the agents run before s: all states begin and end at the same time.
func besideAll(t *testing.T, all []*besideAgent, busy *busyIndices) {
	program := fluentbit.ForTest(t)
	s := e2e.Cluster(t)
	type state struct {
		trouble
		bad string
	}
	var states []state
	for _, b := range all {
		b.start(t, s, program, busy)
		for i, trouble := range b.troubles {
			states = append(states, state{trouble, b.bad(i)})
		}
	}
	// States of the cluster begin last and end first, for those of single indices need indices that
	// can be made.
	slices.SortStableFunc(states, func(a, b state) int { return ofCluster(a.name) - ofCluster(b.name) })
	broken := true
	repair := func() {
		if broken {
			broken = false
			for _, one := range slices.Backward(states) {
				one.repair(t, s, one.bad)
			}
		}
	}
	defer repair() // settings of the cluster are other tests', too
	uncreated := ""
	for _, one := range states {
		if one.name != autoCreationOff {
			one.begin(t, s, one.bad)
			continue
		}
		uncreated += "-" + one.bad + ","
		settings("action.auto_create_index", `"`+uncreated+`+*"`)(t, s, "") // that of all would hide the shard limit
	}
	each := func(do func(*besideAgent)) {
		var at sync.WaitGroup
		for _, b := range all {
			at.Go(func() { do(b) })
		}
		at.Wait()
	}
	each(func(b *besideAgent) { b.write(t, s) })
	for _, b := range all {
		b.isolated(t, s)
	}
	repair()
	each(func(b *besideAgent) { b.arrive(t, s) })
}

// TestOneIndexInTroubleBesideAHealthyOne lets real agents send 200 records a second to an index in
// each state that keeps it from taking documents, and as many to a healthy one in the same chunks;
// then the state is repaired. All states are there at the same time, on one server. With TROUBLE
// each state has agents of its own, whose delays, requests and memory are judged, and with SOAK=1
// the built-in es is beside them: docs/benchmarks.md has its table. Without, one agent writes to
// all of them.
func TestOneIndexInTroubleBesideAHealthyOne(t *testing.T) {
	support.LongForm(t) // with TROUBLE it starts 19 agents at once
	run, busy := besideLong(t), &busyIndices{}
	made := func(t *testing.T, s *elasticsearch.Server, bad string) { asks(t, s, bad, [3]string{"PUT", "/BAD", ""}) }
	none := trouble{"none", made, func(*testing.T, *elasticsearch.Server, string) {}, nil}
	healthy := &besideAgent{name: "es_go", output: "    Workers 1\n", troubles: []trouble{none}, run: run}
	all := []*besideAgent{healthy}
	states := append(troubles(), busy.trouble())
	sets := [][]trouble{states}
	if run.measured {
		sets = nil
		for _, one := range states {
			sets = append(sets, []trouble{one})
		}
	}
	for _, set := range sets {
		all = append(all, &besideAgent{name: "es_go", output: "    Workers 1\n", troubles: set, run: run},
			&besideAgent{name: "with spool", output: "    Spool_Path DIR/spool\n", troubles: set, run: run})
		if os.Getenv("SOAK") != "" {
			all = append(all, &besideAgent{name: "es", troubles: set, run: run})
		}
	}
	besideAll(t, all, busy)
	for _, b := range all {
		b.judge(t, healthy)
	}
}

// TestIndicesInTroubleBesideAHealthyOne is the short form: an agent without a spool and one with a
// spool, whose chunks have records for an index in each state. It counts, and measures nothing.
func TestIndicesInTroubleBesideAHealthyOne(t *testing.T) {
	run, busy := besideRun{rate: 20, calm: time.Second, trouble: 3 * time.Second, scheduler: 1, retryMax: 2 * time.Second}, &busyIndices{}
	states := append(troubles(), busy.trouble())
	all := []*besideAgent{
		{name: "es_go", output: "    Workers 1\n    Request_Timeout 12s\n", troubles: states, run: run},
		{name: "with spool", output: "    Spool_Path DIR/spool\n    Request_Timeout 12s\n", troubles: states, run: run},
	}
	besideAll(t, all, busy)
	for _, b := range all {
		b.judge(t, nil)
	}
}

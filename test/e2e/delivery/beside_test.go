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
	// besideRate is how many records a second go to each of two indices, in the same chunks.
	besideRate = 200
	// besideCalm is how long all is well before the trouble.
	besideCalm = 3 * time.Second
	// besideLag is how late records of the healthy index may be.
	besideLag = 5 * time.Second
	// bulkWait is how long a server waits for a shard: a quarter of Request_Timeout, at most this.
	bulkWait = 5 * time.Second
)

// besideTrouble is how long the trouble lasts.
func besideTrouble() time.Duration {
	switch {
	case testing.Short():
		return 6 * time.Second
	case os.Getenv("SOAK") == "":
		return 20 * time.Second
	}
	return time.Minute
}

// besideConfig is an agent that tails one file, whose lines name their index.
const besideConfig = `[SERVICE]
    Flush 1
    Grace 2
    Log_Level info
    Parsers_File %[1]s/parsers.conf
    storage.path %[1]s/storage
    scheduler.base 1
    scheduler.cap 5
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

// besideAgent is a Fluent Bit beside whose records for one index others go to another.
type besideAgent struct {
	name, index string // of the output and its variant, of the indices without their ends
	output      string // the section's other lines
	trouble     trouble
	dir         string
	proxy       *faults.Proxy
	agent       *agent.Agent

	written, arrived int // lines for the healthy index
	behind           time.Duration
	requests         int
	memory           []int // anonymous memory in KB, each second of the trouble
	lost, duplicated int
	spooled          int64 // the most that the spool took
}

func (b *besideAgent) good() string { return b.index + "-good-all" }
func (b *besideAgent) bad() string  { return b.index + "-bad-all" }

// autoCreationOff is the state that is made for these indices alone here.
const autoCreationOff = "auto-creation off"

// ofCluster is 0 for a state of an index, and more for one of the cluster.
func (b *besideAgent) ofCluster() int {
	return slices.Index([]string{"", autoCreationOff, "shard limit"}, b.trouble.name) + 1
}

// start starts the agent, and the healthy index before it.
func (b *besideAgent) start(t *testing.T, s *elasticsearch.Server, program string) {
	t.Helper()
	b.index, b.dir, b.proxy = e2e.FreshIndex(t, s), t.TempDir(), e2e.StartFaults(t, s, faults.Options{})
	asks(t, s, b.good(), [3]string{"PUT", "/BAD", `{"mappings":{"properties":{"n":{"type":"integer"}}}}`})
	parsers := "[PARSER]\n    Name json\n    Format json\n"
	if err := os.WriteFile(filepath.Join(b.dir, "parsers.conf"), []byte(parsers), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(b.proxy.URL(), "http://"), ":")
	kind, output := "es_go", fmt.Sprintf("    Hosts %s\n%s", b.proxy.URL(), strings.ReplaceAll(b.output, "DIR", b.dir))
	if besideTrouble() < time.Minute {
		output += "    Retry_Max 5s\n" // it is noticed soon that the trouble is over
	}
	options := agent.Options{Program: program, Plugin: e2e.Plugin(), Folder: b.dir}
	if b.name == "es" {
		options.Plugin, kind = "", "es"
		output = fmt.Sprintf("    Host %s\n    Port %s\n    Suppress_Type_Name on\n    Buffer_Size false\n", host, port)
	}
	options.Configuration = fmt.Sprintf(besideConfig, b.dir, kind, output)
	a, err := agent.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	b.agent = a
	t.Cleanup(func() { a.Kill() })
}

// write writes lines before and during the trouble, and counts the documents that arrive.
func (b *besideAgent) write(t *testing.T, s *elasticsearch.Server, trouble time.Duration) {
	const beats = 4 // a second
	log, err := os.Create(filepath.Join(b.dir, "lines.log"))
	if err != nil {
		t.Error(err)
		return
	}
	defer log.Close()
	var times []time.Time // of each beat
	before := 0
	for beat := range int((besideCalm + trouble) / time.Second * beats) {
		var lines bytes.Buffer
		for range besideRate / beats {
			fmt.Fprintf(&lines, "{\"n\":%d,\"to\":\"%s-good\"}\n{\"n\":%d,\"to\":\"%[2]s-bad\"}\n", b.written, b.index, b.written)
			b.written++
		}
		if _, err := log.Write(lines.Bytes()); err != nil {
			t.Error(err)
			return
		}
		times = append(times, time.Now())
		time.Sleep(time.Second / beats)
		inTrouble := time.Duration(beat) * time.Second / beats
		if inTrouble < besideCalm {
			before = b.proxy.Account().Requests()
			continue
		}
		if beat%beats != 0 {
			continue
		}
		if sample, err := agent.Look(b.agent.PID()); err == nil {
			b.memory = append(b.memory, sample.Anonymous)
		}
		_ = s.Refresh(t.Context(), b.good())
		if n, err := s.Count(t.Context(), b.good()); err == nil && n < b.written {
			b.arrived = n
			b.behind = max(b.behind, time.Since(times[n/(besideRate/beats)]))
		}
		b.spooled = max(b.spooled, bytesBelow(filepath.Join(b.dir, "spool")))
	}
	b.requests = b.proxy.Account().Requests() - before
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

// arrive waits until all records are there, or no more come, and counts those that were lost or duplicated.
func (b *besideAgent) arrive(t *testing.T, s *elasticsearch.Server) {
	t.Helper()
	total := func() (n int) {
		_ = s.Refresh(t.Context(), b.index+"*")
		n, _ = s.Count(t.Context(), b.index+"*")
		return n
	}
	last, at := -1, time.Now()
	for n := total(); n < 2*b.written && time.Since(at) < 75*time.Second; n = total() {
		if n != last {
			last, at = n, time.Now()
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, index := range []string{b.good(), b.bad()} {
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

// judge compares the figures with the bounds in docs/benchmarks.md. healthy is an agent without trouble.
func (b *besideAgent) judge(t *testing.T, healthy *besideAgent) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(b.agent.Log()) {
		if strings.Contains(line, "[output:es_go:") && (strings.Contains(line, "[ warn]") || strings.Contains(line, "[error]")) {
			lines++
		}
	}
	minutes := int(besideTrouble().Minutes()) + 1
	half := len(b.memory) / 2
	grown := 0
	if half > 5 {
		grown = maximum(b.memory[half:]) - maximum(b.memory[:half])
	}
	t.Logf("%-28s %-11s %5d lost, %d duplicated; healthy index at most %4.1f s behind; %3d requests in the trouble (%d without it); %d lines; memory %+d KB; spool at most %d KB",
		b.trouble.name, b.name, b.lost, b.duplicated, b.behind.Seconds(), b.requests, healthy.requests, lines, grown, b.spooled>>10)
	if b.name == "es" {
		return
	}
	lag, spare := besideLag, 0.0
	if besideTrouble() < time.Minute {
		spare = 5 + besideTrouble().Seconds()/2 // Retry_Max is short, and the first tries come soon
	}
	if b.trouble.name == "unassigned primary" {
		lag += bulkWait // once
	}
	if held := strings.Contains(b.agent.Log(), b.bad()+" is held"); held != (b != healthy) {
		t.Errorf("%s, %s: the index is held: %v", b.trouble.name, b.name, held)
	}
	if b.lost+b.duplicated > 0 || b.behind > lag || lines > 3*minutes || float64(b.requests) > 1.2*float64(healthy.requests)+spare {
		t.Errorf("%s, %s: see above; %s", b.trouble.name, b.name, b.agent.Log())
	}
	// Fluent Bit holds the chunks that wait for a retry itself: their bytes are its own.
	if waits := b.written * 100 >> 10; grown > waits+4096 || b.spooled > int64(4*(waits<<10)+1<<20) {
		t.Errorf("%s, %s: more memory or disk than %d KB that wait explain", b.trouble.name, b.name, waits)
	}
}

func maximum(values []int) (m int) {
	for _, v := range values {
		m = max(m, v)
	}
	return m
}

// TestOneIndexInTroubleBesideAHealthyOne lets real agents send 200 records a second to an index in each state that keeps it from taking
// documents, and as many to a healthy one in the same chunks; then the state is repaired. All states are there at the same time, on one server.
// The long form (SOAK=1) has the built-in es beside them: docs/benchmarks.md has its table.
func TestOneIndexInTroubleBesideAHealthyOne(t *testing.T) {
	support.LongForm(t) // it starts 17 agents at once, and measures delays
	program := fluentbit.ForTest(t)
	s := e2e.Cluster(t)
	none := func(*testing.T, *elasticsearch.Server, string) {}
	made := func(t *testing.T, s *elasticsearch.Server, bad string) { asks(t, s, bad, [3]string{"PUT", "/BAD", ""}) }
	healthy := &besideAgent{name: "es_go", output: "    Workers 1\n", trouble: trouble{"none", made, none, nil}}
	all := []*besideAgent{healthy}
	for _, trouble := range troubles() {
		all = append(all, &besideAgent{name: "es_go", output: "    Workers 1\n", trouble: trouble},
			&besideAgent{name: "with spool", output: "    Spool_Path DIR/spool\n", trouble: trouble})
		if os.Getenv("SOAK") != "" && !testing.Short() {
			all = append(all, &besideAgent{name: "es", trouble: trouble})
		}
	}
	for _, b := range all {
		b.start(t, s, program)
	}
	// States of the cluster begin last and end first, for those of single indices need indices that can be made.
	slices.SortStableFunc(all, func(a, b *besideAgent) int { return a.ofCluster() - b.ofCluster() })
	broken := true
	repair := func() {
		if !broken {
			return
		}
		broken = false
		for _, b := range slices.Backward(all) {
			b.trouble.repair(t, s, b.bad())
		}
	}
	defer repair() // settings of the cluster are other tests', too
	uncreated := ""
	for _, b := range all {
		if b.trouble.name != autoCreationOff {
			b.trouble.begin(t, s, b.bad())
			continue
		}
		uncreated += "-" + b.bad() + ","
		settings("action.auto_create_index", `"`+uncreated+`+*"`)(t, s, "") // that of all would hide the shard limit
	}
	var writing sync.WaitGroup
	for _, b := range all {
		writing.Go(func() { b.write(t, s, besideTrouble()) })
	}
	writing.Wait()
	repair()
	var arriving sync.WaitGroup
	for _, b := range all {
		arriving.Go(func() { b.arrive(t, s) })
	}
	arriving.Wait()
	for _, b := range all {
		b.judge(t, healthy)
	}
}

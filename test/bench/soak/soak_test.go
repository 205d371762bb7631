//go:build linux

// Package soak checks that the real Fluent Bit is as large after half an hour of ordinary days with
// faults as before. make soak-ordinary runs the long form.
package soak

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/artifacts/sharedobject"
	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// form is how long the soak takes. A cycle has a storm, calm, and a look at its end.
type form struct{ long, warm, cycle, storm time.Duration }

var (
	shortForm = form{long: 40 * time.Second, warm: 16 * time.Second, cycle: 8 * time.Second, storm: 2 * time.Second}
	// The warm-up outlasts two returns of free memory.
	longForm = form{long: 30 * time.Minute, warm: 2 * time.Minute, cycle: 30 * time.Second, storm: 5 * time.Second}
)

// stormRules apply to a quarter of a storm's requests.
var stormRules = []faults.Rule{
	{Fault: faults.CutBefore, Share: 0.02}, {Fault: faults.CutAfter, Share: 0.02}, {Fault: faults.TornAnswer, Share: 0.02},
	{Fault: faults.Throttle, Share: 0.02, RetryAfter: "1"}, {Fault: faults.Unavailable, Share: 0.02}, {Fault: faults.BadGateway, Share: 0.01},
	{Fault: faults.GatewayTimeout, Share: 0.01}, {Fault: faults.ThrottleItems, Share: 0.03}, {Fault: faults.FailItems, Share: 0.02},
	{Fault: faults.MissingItem, Share: 0.01}, {Fault: faults.Slow, Share: 0.02, Delay: 300 * time.Millisecond}, {Fault: faults.DropIdle, Share: 0.05},
}

// allowed is the maximum rise of the last third of the looks over the first: the variation of Go's
// collector and Fluent Bit's allocator. Go starts a thread when a system call lasts, and keeps it.
var allowed = look{anonymousKB: 3 << 10, threads: 3, descriptors: 2, goroutines: 2}

// look is one agent's state at a moment.
type look struct{ anonymousKB, threads, descriptors, goroutines int }

// soaked is one agent with its server and its files.
type soaked struct {
	name  string
	share float64 // by which a storm's faults come more often: a spool makes a twentieth of the requests
	sink  *sink.Sink
	proxy *faults.Proxy
	agent *agent.Agent
	looks []look
}

// TestSoakOrdinaryDay has 100 files of 20 lines a second in two agents, one of them with a spool,
// and faults in each cycle. Nothing may grow, and every line must be delivered: once, unless a
// fault has lost its answer.
func TestSoakOrdinaryDay(t *testing.T) {
	support.LongForm(t)
	program := fluentbit.ForTest(t)
	so, err := sharedobject.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if so == "" {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	f := shortForm
	if os.Getenv("SOAK") != "" {
		f = longForm
	}
	logs := filepath.Join(t.TempDir(), "logs")
	stop := startLoad(t, logs)
	all := []*soaked{{name: "without a spool", share: 1}, {name: "with a spool", share: 3}}
	all[0].start(t, program, so, logs, "Workers 1")
	all[1].start(t, program, so, logs, "Spool_Linger 200ms\n    Spool_Path "+t.TempDir())
	time.Sleep(f.warm) // the length of a soak is its purpose
	for end := time.Now().Add(f.long); time.Now().Before(end); {
		for _, s := range all {
			s.weather(t, stormRules)
		}
		time.Sleep(f.storm)
		for _, s := range all {
			s.weather(t, nil)
		}
		time.Sleep(f.cycle - f.storm)
		for _, s := range all {
			s.look(t)
		}
	}
	lines := stop()
	for _, s := range all {
		s.settle(t, lines)
		s.compare(t)
	}
}

// startLoad starts the load generator. stop ends it and returns how many lines there are.
func startLoad(t *testing.T, logs string) (stop func() int) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "load")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "out_es/test/bench/load").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := exec.CommandContext(t.Context(), program, "-folder", logs, "-small", "-keep")
	command.Stderr = os.Stderr
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewScanner(pipe)
	if !out.Scan() {
		t.Fatalf("the load generator said nothing: %v", out.Err())
	}
	return func() int {
		_ = command.Process.Signal(syscall.SIGTERM)
		out.Scan()
		lines, err := strconv.Atoi(out.Text())
		if err := command.Wait(); err != nil {
			t.Fatal(err)
		}
		if err != nil || lines == 0 {
			t.Fatalf("the load generator wrote %q lines", out.Text())
		}
		return lines
	}
}

func (s *soaked) start(t *testing.T, program, so, logs, more string) {
	t.Helper()
	var err error
	if s.sink, err = sink.Start(sink.Answers{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.sink.Go)
	if s.proxy, err = faults.Start(faults.Options{Target: "http://" + s.sink.Address(), Seed: 17}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.proxy.Close)
	s.agent, err = agent.Start(t.Context(), agent.Options{Program: program, Plugin: so, Folder: t.TempDir(),
		// All goroutines, once a second, from Go's scheduler itself. Fluent Bit's buffers of 256 KB
		// for chunks are given back when they are freed: otherwise glibc keeps gaps, more with each
		// storm, in which a leak would hide.
		Environment: []string{"GODEBUG=schedtrace=1000,scheddetail=1", "MALLOC_MMAP_THRESHOLD_=131072"},
		Configuration: fmt.Sprintf("[SERVICE]\n    Flush 1\n    Log_Level error\n    Scheduler.Base 1\n    Scheduler.Cap 2\n[INPUT]\n    Name tail\n    Path %s/*.log\n    Tag kube.*\n    Read_from_Head On\n"+
			"[OUTPUT]\n    Name es_go\n    Match *\n    Retry_Limit no_limits\n    Hosts %s\n    Retry_Budget 1s\n    %s\n", logs, s.proxy.URL(), more)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.agent.Kill() })
}

func (s *soaked) weather(t *testing.T, rules []faults.Rule) {
	t.Helper()
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].Share *= s.share
	}
	if err := s.proxy.Set(rules...); err != nil {
		t.Fatal(err)
	}
}

func (s *soaked) look(t *testing.T) {
	t.Helper()
	sample, err := agent.TakeSample(s.agent.PID())
	if err != nil {
		t.Fatalf("%s: %v; the end of its log:\n%s", s.name, err, tail(s.agent.Log()))
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.agent.PID()))
	if err != nil {
		t.Fatal(err)
	}
	now := look{anonymousKB: sample.Anonymous, threads: sample.Threads, descriptors: len(open), goroutines: goroutines(s.agent.Log())}
	s.looks = append(s.looks, now)
	t.Logf("%-16s %+v, %d documents", s.name, now, s.sink.Count().Documents)
}

// dead marks a goroutine that has ended: Go keeps its memory for the next one. System goroutines
// are counted, too.
var (
	goroutine = regexp.MustCompile(`^  G\d+: status=(\d+)`)
	dead      = "6"
)

// goroutines counts those of the last whole trace in a log: the lines behind its first line and
// before the next one's.
func goroutines(log string) (count int) {
	traces := strings.Split(log, "SCHED ")
	if len(traces) < 3 {
		return 0
	}
	for line := range strings.Lines(traces[len(traces)-2]) {
		if found := goroutine.FindStringSubmatch(line); found != nil && found[1] != dead {
			count++
		}
	}
	return count
}

// settle waits until all lines have arrived, and sees that no more than faults explain have come
// twice.
func (s *soaked) settle(t *testing.T, lines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for s.sink.Count().Documents < lines && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := s.agent.Stop(30 * time.Second); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	account, got := s.proxy.Account(), s.sink.Count().Documents
	t.Logf("%-16s %d lines, %d documents, of which the answer to %d was lost; %v", s.name, lines, got, account.LostDocuments(), account.Faults())
	if got < lines || got > lines+account.LostDocuments() {
		t.Errorf("%s: %d documents of %d lines, where %d may have come again; the end of its log:\n%s", s.name, got, lines, account.LostDocuments(), tail(s.agent.Log()))
	}
	if len(account.Faults()) < 3 {
		t.Errorf("%s: the storms did not reach it: %v", s.name, account.Faults())
	}
}

// compare holds the last third of the looks to the first.
func (s *soaked) compare(t *testing.T) {
	t.Helper()
	third := max(len(s.looks)/3, 1)
	first, last := least(s.looks[:third]), least(s.looks[len(s.looks)-third:])
	for _, row := range []struct {
		what                 string
		first, last, allowed int
	}{
		{"KB of anonymous memory", first.anonymousKB, last.anonymousKB, allowed.anonymousKB},
		{"threads", first.threads, last.threads, allowed.threads},
		{"descriptors", first.descriptors, last.descriptors, allowed.descriptors},
		{"goroutines", first.goroutines, last.goroutines, allowed.goroutines},
	} {
		if row.first == 0 || row.last > row.first+row.allowed {
			t.Errorf("%s: %d %s at first, %d at last; %d more are allowed", s.name, row.first, row.what, row.last, row.allowed)
		}
	}
}

// least is the lowest of each: a leak raises it, a passing peak doesn't.
func least(looks []look) look {
	l := looks[0]
	for _, one := range looks[1:] {
		l.anonymousKB, l.threads = min(l.anonymousKB, one.anonymousKB), min(l.threads, one.threads)
		l.descriptors, l.goroutines = min(l.descriptors, one.descriptors), min(l.goroutines, one.goroutines)
	}
	return l
}

// tail is the end of a log without the scheduler's traces.
func tail(log string) string {
	var kept []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-20):], "")
}

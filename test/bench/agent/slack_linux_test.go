package agent_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_es/test/artifacts/sharedobject"
	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// Timer slack in nanoseconds: Linux's default for a process, and the plugin's for Go's threads.
const (
	hostSlack = 50_000
	goSlack   = 2_000_000
)

// TestTimerSlack looks at each thread of an agent that has sent for a while: Fluent Bit's have kept
// their slack, Go's have their own.
func TestTimerSlack(t *testing.T) {
	support.LongForm(t)
	program := fluentbit.ForTest(t)
	plugins, err := sharedobject.AllFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if len(plugins) == 0 {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	for _, so := range plugins {
		for _, workers := range []string{"0", "1", "4"} {
			t.Run(filepath.Base(so)+", Workers "+workers, func(t *testing.T) { slackOf(t, program, so, workers) })
		}
	}
}

func slackOf(t *testing.T, program, so, workers string) {
	server, err := sink.Start(sink.Answers{After: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Go()
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Plugin: so, Folder: t.TempDir(), Configuration: fmt.Sprintf(
		"[SERVICE]\n    Flush 0.1\n[INPUT]\n    Name dummy\n    Tag a\n    Rate 200\n[INPUT]\n    Name dummy\n    Tag b\n    Rate 200\n"+
			"[OUTPUT]\n    Match *\n    Name es_go\n    Hosts %s\n    Workers %s\n", server.Address(), workers)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Kill()
	for server.Count().Requests < 20 {
		select {
		case <-a.Done():
			t.Fatalf("the agent ended:\n%s", a.Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
	threads, err := agent.Threads(a.PID())
	if err != nil {
		t.Fatal(err)
	}
	host, ours := 0, 0
	for tid, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid))
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("the slack of other processes is told to who may trace them only")
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // it ended meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		slack, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		want := goSlack
		if tid == a.PID() || strings.HasPrefix(thread.Name, "flb-") { // Fluent Bit names all but its first
			want, host = hostSlack, host+1
		} else {
			ours++
		}
		if slack != want {
			t.Errorf("thread %d, %q: slack %d, want %d", tid, thread.Name, slack, want)
		}
	}
	if host < 3 || ours < 3 {
		t.Errorf("%d threads of Fluent Bit's and %d of Go's: %+v", host, ours, threads)
	}
}

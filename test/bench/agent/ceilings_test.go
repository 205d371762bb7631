package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/artifacts/sharedobject"
	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// threadCeilings are the maximum numbers of threads of an agent beyond one with `null` and no
// worker. Fluent Bit's own worker is among them. The bars are 7 and 5, as make bench measures. On a
// busy machine, such as that of a test run, Go starts one or two more: it considers a thread
// blocked while its system call lasts, and continues with another. So the best of a few agents
// counts.
var threadCeilings = map[string]int{"Workers 1": 8, "Workers 0": 6}

func TestThreadsAdded(t *testing.T) {
	support.LongForm(t)
	program := fluentbit.ForTest(t)
	so, err := sharedobject.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if so == "" {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	server, err := sink.Start(sink.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Go()
	plain := most(t, program, "", "Name null\n    Workers 0")
	for workers, ceiling := range threadCeilings {
		output := fmt.Sprintf("Name es_go\n    Hosts %s\n    %s", server.Address(), workers)
		threads := most(t, program, so, output)
		for tries := 1; tries < 3 && threads-plain > ceiling; tries++ {
			threads = min(threads, most(t, program, so, output))
		}
		if added := threads - plain; added < 1 || added > ceiling {
			t.Errorf("%s: %d threads, null alone has %d: %d more, at most %d are allowed", workers, threads, plain, threads-plain, ceiling)
		}
	}
	if taken := server.Count(); taken.Documents == 0 {
		t.Error("the agents sent nothing, so that not all threads were needed")
	}
}

// most is the number of threads of an agent that has sent for two seconds.
func most(t *testing.T, program, plugin, output string) (threads int) {
	t.Helper()
	a, err := agent.Start(t.Context(), agent.Options{
		Program: program, Plugin: plugin, Folder: t.TempDir(), Every: 50 * time.Millisecond,
		Configuration: "[SERVICE]\n    Flush 0.1\n[INPUT]\n    Name dummy\n    Rate 200\n[OUTPUT]\n    Match *\n    " + output + "\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // threads are started when they are needed: there is no signal for the last
	for _, s := range a.Kill().Samples {
		threads = max(threads, s.Threads)
	}
	if threads == 0 {
		t.Fatalf("nothing was seen of the agent; it printed:\n%s", a.Log())
	}
	return threads
}

func TestUsageOfAnAgent(t *testing.T) {
	folder := t.TempDir()
	logs := filepath.Join(folder, "one.log")
	if err := os.WriteFile(logs, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := agent.Start(t.Context(), agent.Options{
		Program: fluentbit.ForTest(t), Folder: folder, Every: 20 * time.Millisecond, Await: "stream processor started",
		Configuration: "[INPUT]\n    Name tail\n    Path " + logs + "\n    Read_from_Head On\n    Exit_On_Eof On\n[OUTPUT]\n    Name null\n    Match *\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, seen := a.Seen(); !seen || after <= 0 || after > time.Minute {
		t.Errorf("up after %s: %v", after, seen)
	}
	usage, err := a.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if usage.CPU() <= 0 || usage.CPU() > usage.Wall*16 || len(usage.Samples) == 0 || usage.PeakKB() < usage.Samples[0].Rss {
		t.Errorf("it used %+v", usage)
	}
	threads := 0
	for _, s := range usage.Samples {
		if s.Anonymous <= 0 || s.Anonymous > s.Rss || s.Pss > s.Rss || s.Threads < 1 {
			t.Errorf("sample %+v", s)
		}
		threads = max(threads, s.Threads)
	}
	if threads < 2 { // a busy machine may show it before it has started its own
		t.Errorf("it never had more than %d thread", threads)
	}
}

func TestAnAgentThatCannotStart(t *testing.T) {
	a, err := agent.Start(t.Context(), agent.Options{Program: fluentbit.ForTest(t), Folder: t.TempDir(), Configuration: "[OUTPUT]\n    Name nothing_of_that_name\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Wait(); err == nil {
		t.Error("an agent with an unknown output ended well")
	}
}

package agents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// TestWorkersAndStacksDeliverOnce gives an agent an output of each kind: plain, gzip and TLS; with
// and without a spool; without workers, with 1 and 4. All of them deliver while the agent is
// told to end and started again, and without workers, which do not survive it, reloaded twice. The
// stacks of Fluent Bit's coroutines are as small as those of its older versions, and smaller.
func TestWorkersAndStacksDeliverOnce(t *testing.T) {
	for _, stack := range []int{16384, 24576} {
		for name, workers := range map[string][]int{"reloads": {0}, "workers": {1, 4}} {
			t.Run(fmt.Sprintf("%d/%s", stack, name), func(t *testing.T) {
				support.LongForm(t)
				t.Parallel()
				deliverThroughAllOutputs(t, stack, workers)
			})
		}
	}
}

// linesAtATime is the number of lines that are written before each step.
const linesAtATime = 300

func deliverThroughAllOutputs(t *testing.T, stack int, workers []int) {
	s := e2e.Cluster(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	outputs, prefixes := outputsOfEachKind(t, at, s.URL(), e2e.StartFaults(t, s, faults.Options{TLS: &faults.TLS{}}), workers)
	file := filepath.Join(t.TempDir(), "fluent-bit.conf")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(`[SERVICE]
    Flush 0.5
    Grace 5
    Coro_Stack_Size %d
    Hot_Reload on
    storage.path %s/storage
    scheduler.base 1
    scheduler.cap 3
[INPUT]
    Name tail
    Path %s/*.log
    Tag app
    multiline.parser cri
    Offset_Key offset
    DB %s/tail.db
    Read_From_Head on
    Refresh_Interval 1
    storage.type filesystem
%s`, stack, at.State, at.Logs, at.State, outputs)), 0o600); err != nil {
		t.Fatal(err)
	}
	log := e2e.NewLog(t, at.Logs, "app")
	log.Append(t, linesAtATime)
	agent := fluentbit.StartFile(t, e2e.Plugin(), file)
	e2e.AwaitAll(t, s, at.Prefix, 1)
	if workers[0] == 0 && !fluentbit.Before(t, "3.2.3") { // e2e.ReloadHangs
		for reload := range 2 {
			log.Append(t, linesAtATime)
			e2e.Reload(t, agent, "writes to index", (reload+2)*len(prefixes))
		}
	}
	log.Append(t, linesAtATime)
	agent.Stop(t)
	log.Append(t, linesAtATime)
	next := fluentbit.StartFile(t, e2e.Plugin(), file)
	for _, prefix := range prefixes {
		e2e.AwaitAll(t, s, prefix, len(log.Lines))
	}
	awaitNothingWaits(t, at, next, len(prefixes)/2)
	next.Stop(t)
	for _, prefix := range prefixes {
		t.Run(strings.TrimPrefix(prefix, at.Prefix), func(t *testing.T) { e2e.Take(t, s, prefix).AssertOnceAfterRestarts(t, log.Lines) })
	}
}

// outputsOfEachKind returns [OUTPUT] sections for each number of workers, and the prefix of each
// one's index.
func outputsOfEachKind(t *testing.T, at *e2e.Site, plain string, secure *faults.Proxy, workers []int) (sections string, prefixes []string) {
	t.Helper()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, secure.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	wires := map[string]string{
		"plain": "Hosts " + plain + "\n    Compress off", "gzip": "Hosts " + plain + "\n    Compress gzip",
		"tls": "Hosts " + secure.URL() + "\n    TLS_CA_File " + authority,
	}
	for wire, options := range wires {
		for _, n := range workers {
			for _, spool := range []string{"", "spool"} {
				prefix := fmt.Sprintf("%s%s%d%s-", at.Prefix, wire, n, spool)
				section := fmt.Sprintf("[OUTPUT]\n    Name es_go\n    Match *\n    Retry_Limit no_limits\n    Generate_ID on\n    Time_Key_Nanos on\n"+
					"    Logstash_Format on\n    Logstash_Prefix %slogs\n    Workers %d\n    %s\n", prefix, n, options)
				if spool != "" {
					section += fmt.Sprintf("    Spool_Path %s/%s%d\n    Spool_Linger 100ms\n", at.State, wire, n)
				}
				sections += section
				prefixes = append(prefixes, prefix)
			}
		}
	}
	return sections, prefixes
}

// awaitNothingWaits waits until no chunk is in Fluent Bit's storage or in the agent's spools.
func awaitNothingWaits(t *testing.T, at *e2e.Site, agent *fluentbit.Agent, spools int) {
	t.Helper()
	support.Eventually(t, time.Minute, "nothing waits any more", func() bool {
		chunks, _ := filepath.Glob(filepath.Join(at.State, "storage", "*", "*.flb"))
		text, err := agent.Scrape(t.Context())
		if err != nil || len(chunks) > 0 {
			return false
		}
		seen, empty := 0, 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "fluentbit_output_es_go_spool_chunks{") {
				seen++
				if strings.HasSuffix(line, " 0\n") {
					empty++
				}
			}
		}
		return seen == spools && empty == spools
	})
}

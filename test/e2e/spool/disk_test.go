package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/support"
)

// diskFault is something that keeps the spool from being written.
type diskFault struct {
	name string
	// told is the log's line about it.
	told string
	// begin makes the fault and returns a function that ends it.
	begin func(t *testing.T, d *disk, pid int) (end func())
	// first says that it begins before there is anything to write.
	first   bool
	changes []string
}

func diskFaults() []diskFault {
	return []diskFault{
		{name: "input/output error", told: "input/output error", begin: func(t *testing.T, d *disk, _ int) func() {
			d.shutdown(t, synced)
			return func() { d.replace(t) }
		}},
		{name: "read-only after an error", told: "read-only file system", begin: func(t *testing.T, d *disk, _ int) func() {
			d.abort(t)
			return func() { d.replace(t) }
		}},
		{name: "limit on files", told: "RLIMIT_FSIZE", changes: inMemory(), begin: func(t *testing.T, _ *disk, pid int) func() {
			must(t, "prlimit", "--pid", fmt.Sprint(pid), "--fsize=16384:")
			return func() { must(t, "prlimit", "--pid", fmt.Sprint(pid), "--fsize=unlimited:") }
		}},
		{name: "no permission", told: "operation not permitted", first: true, begin: func(t *testing.T, d *disk, _ int) func() {
			folder := filepath.Join(d.dir, "spool", "logs")
			must(t, "chattr", "+i", folder) // root has every other permission
			return func() { must(t, "chattr", "-i", folder) }
		}},
		{name: "folder removed", told: "no such file or directory", first: true, begin: func(t *testing.T, d *disk, _ int) func() {
			folder := filepath.Join(d.dir, "spool")
			removeAll(t, folder)
			return func() {
				if err := os.Mkdir(folder, 0o700); err != nil {
					t.Error(err)
				}
			}
		}},
	}
}

// TestSpoolThatCannotBeWrittenLosesNothing makes real errors of writing, under
// load. While they last chunks go back to Fluent Bit, with one line in the log;
// when they end, all go on.
func TestSpoolThatCannotBeWrittenLosesNothing(t *testing.T) {
	t.Parallel()
	s := e2e.Cluster(t)
	for _, fault := range diskFaults() {
		t.Run(strings.ReplaceAll(fault.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			at := e2e.NewSite(t, e2e.FreshIndex(t, s))
			agent := at.Start(t, spoolOn(t, d.dir, append([]string{"scheduler.cap 3"}, fault.changes...)...), s.URL())
			support.Eventually(t, time.Minute, "the plugin starts", func() bool { return strings.Contains(agent.Log(), "spool in "+d.dir) })
			var end func()
			if fault.first {
				end = fault.begin(t, d, agent.PID())
			}
			scribe := e2e.StartLogWriter(t, at.Logs, 2, e2e.ContainerLine)
			if !fault.first {
				e2e.AwaitAll(t, s, at.Prefix, 1000)
				end = fault.begin(t, d, agent.PID())
			}
			refused := func() bool {
				return agent.Ended() || agent.Metric(t, spoolSeries("records_total", `outcome="returned"`)) > 1000
			}
			support.Eventually(t, time.Minute, "chunks go back", refused)
			time.Sleep(2 * time.Second) // of which a part is tried again
			if agent.Ended() {
				t.Fatalf("the agent ended:\n%s", agent.Log())
			}
			end()
			support.Eventually(t, time.Minute, "the end is told", func() bool { return strings.Contains(agent.Log(), "the spool accepts chunks again") })
			lines := scribe.Finish(t)
			e2e.AwaitAll(t, s, at.Prefix, len(lines))
			awaitSpooled(t, agent, time.Minute)
			t.Logf("%d lines; %.0f records went back to Fluent Bit", len(lines), agent.Metric(t, spoolSeries("records_total", `outcome="returned"`)))
			if damaged := agent.Metric(t, spoolSeries("spool_damaged_chunks_total")); damaged != 0 {
				t.Errorf("%.0f frames were damaged", damaged)
			}
			agent.Stop(t)
			e2e.Take(t, s, at.Prefix).AssertOnce(t, lines)
			assertToldOnce(t, agent.Log(), fault.told)
		})
	}
}

// assertToldOnce holds that a log says once why the spool can't be written.
func assertToldOnce(t *testing.T, log, why string) {
	t.Helper()
	var told []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "the spool can't be written") {
			told = append(told, line)
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], why) {
		t.Errorf("told: %q, want one line with %q", told, why)
	}
}

// TestSpoolSyncOutlivesPowerCuts cuts the power of the spool's disk at some
// moments, while nothing of it is delivered, and kills the agent. With
// Spool_Sync all that was acknowledged is there; without, not.
func TestSpoolSyncOutlivesPowerCuts(t *testing.T) {
	support.LongForm(t)
	t.Parallel()
	s := e2e.Cluster(t)
	cuts := 4
	if os.Getenv("SOAK") != "" {
		cuts = 20
	}
	for _, sync := range []string{"on", "off"} {
		t.Run("sync-"+sync, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			at := e2e.NewSite(t, e2e.FreshIndex(t, s))
			file := spoolOn(t, d.dir, "spool_sync "+sync)
			scribe := e2e.StartLogWriter(t, at.Logs, 2, e2e.ContainerLine)
			for n := range cuts {
				agent := at.Start(t, file, e2e.ClosedPort(t))
				support.Eventually(t, time.Minute, "chunks are acknowledged", func() bool {
					return agent.Ended() || agent.Metric(t, spoolSeries("records_total", `outcome="spooled"`)) > 2000
				})
				time.Sleep(time.Duration(n%4) * 100 * time.Millisecond) // another moment of Fluent Bit's second each time
				d.shutdown(t, cut)
				e2e.Kill(t, agent)
				d.replace(t)
			}
			lines := scribe.Finish(t)
			last := at.Start(t, file, s.URL())
			support.Eventually(t, time.Minute, "it starts", func() bool { return last.Metric(t, spoolSeries("received_records_total")) >= 0 })
			awaitSpooled(t, last, time.Minute)
			last.Stop(t)
			got := e2e.Take(t, s, at.Prefix)
			missing, _ := got.Missing(lines)
			t.Logf("%d power cuts, %d lines, %d lost", cuts, len(lines), len(missing))
			if sync == "on" {
				got.AssertOnceAfterRestarts(t, lines)
			} else if len(missing) == 0 {
				t.Error("nothing is lost without Spool_Sync: these were no power cuts")
			}
		})
	}
}

package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/bench/agent"
	"out_es/test/bench/sink"
	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

const (
	outageInputs = 10
	megabyte     = 1 << 20
	// The maximum growth of the plugin's own memory, in KB, from the first quarter of an outage on,
	// and by a request when it ends: its body, a frame of 2 MB, its results, and garbage.
	outageGrowth, drainGrowth = 1536, 10 << 10
	// fluentGrowth is how much half of all looks at Fluent Bit's own memory may
	// lie higher at the end than at the beginning: its chunks come and go by tens
	// of MB, whatever the output.
	fluentGrowth = 12 << 10
	// mappedGrowth is for code that an end of an outage runs for the first time.
	mappedGrowth = 2 << 10
)

// outageBytes is the amount that is spooled in an outage: with SOAK the logs of a busy node in an
// hour.
func outageBytes() int {
	if os.Getenv("SOAK") != "" {
		return 5 << 30
	}
	return 300 * megabyte
}

// outageLog writes a log of so many bytes and returns how many lines it has.
func outageLog(t *testing.T, path string, bytes int) (lines int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var block strings.Builder
	blockLines := 0
	for block.Len() < megabyte {
		fmt.Fprintf(&block, "line %d: %s\n", blockLines, strings.Repeat("all is well and nothing burns, ", 20))
		blockLines++
	}
	for written := 0; written < bytes; written += block.Len() {
		if _, err := file.WriteString(block.String()); err != nil {
			t.Fatal(err)
		}
		lines += blockLines
	}
	return lines
}

// TestSpoolOutageCostsDiskAndNoMemory lets a spool grow while nothing listens,
// and drains it when something does.
func TestSpoolOutageCostsDiskAndNoMemory(t *testing.T) {
	support.LongForm(t)
	program := fluentbit.ForTest(t)
	s, err := sink.Start(sink.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	s.Go() // the outage; the port stays known
	dir := t.TempDir()
	path := filepath.Join(dir, "input.log")
	lines := outageInputs * outageLog(t, path, outageBytes()/outageInputs)
	var conf strings.Builder
	conf.WriteString("[SERVICE]\n    Flush 0.2\n    Grace 2\n    Log_Level warn\n")
	for i := range outageInputs {
		fmt.Fprintf(&conf, "[INPUT]\n    Name tail\n    Path %s\n    Tag app.%d\n    Read_From_Head on\n    Mem_Buf_Limit 4M\n", path, i)
	}
	fmt.Fprintf(&conf, "[OUTPUT]\n    Name es_go\n    Match *\n    Hosts http://127.0.0.1:%d\n    Retry_Limit no_limits\n    Spool_Path %s/spool\n    Spool_Limit 100G\n    Retry_Max 2s\n", s.Port(), dir)
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Plugin: e2e.Plugin(), Folder: dir, Configuration: conf.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Kill()
	began := time.Now()
	filling := watchShares(t, a, func() bool { return spoolBytes(t, dir) >= int64(outageBytes()) }, 10*time.Minute)
	quarter := len(filling) / 4
	early, late := filling[:quarter], filling[quarter:]
	t.Logf("spooled %d MB in %s", spoolBytes(t, dir)/megabyte, time.Since(began).Round(time.Second))
	tellShares(t, "the first quarter", early)
	tellShares(t, "the rest of the outage", late)
	assertGrowth(t, "the plugin's memory", most(early, ours), most(late, ours), outageGrowth)
	assertGrowth(t, "half of Fluent Bit's looks", median(early, fluent), median(filling[3*quarter:], fluent), fluentGrowth)
	if err := s.Come(); err != nil {
		t.Fatal(err)
	}
	defer s.Go()
	began = time.Now()
	draining := watchShares(t, a, func() bool { return s.Count().Documents >= lines }, 10*time.Minute)
	count := s.Count()
	took := count.Last.Sub(count.First)
	t.Logf("drained %d records, %d MB, in %s (%.0f MB/s; %s since the outage ended), %d requests",
		count.Documents, count.Body/megabyte, took.Round(time.Millisecond), float64(count.Body)/megabyte/took.Seconds(), time.Since(began).Round(time.Millisecond), count.Requests)
	tellShares(t, "drained", draining)
	if count.Documents != lines {
		t.Errorf("%d documents for %d records", count.Documents, lines)
	}
	assertGrowth(t, "the plugin's memory", most(late, ours), most(draining, ours), drainGrowth)
	assertGrowth(t, "pages of files", most(late, mapped), most(draining, mapped), mappedGrowth)
	if speed := float64(count.Body) / megabyte / took.Seconds(); speed < 20 {
		t.Errorf("drained at %.0f MB/s", speed)
	}
	support.Eventually(t, time.Minute, "the disk is given back", func() bool { return spoolBytes(t, dir) < 2*megabyte })
}

// spoolBytes is the size of the spool's segments.
func spoolBytes(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "spool", "*", "segment-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// assertGrowth compares the growth of memory, in KB, with its maximum.
func assertGrowth(t *testing.T, what string, before, after, most int) {
	t.Helper()
	if after > before+most {
		t.Errorf("%s grew from %d to %d KB, at most %d KB are allowed", what, before, after, most)
	}
}

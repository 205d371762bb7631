package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// spoolFile is what users are told to copy where they want a spool.
const spoolFile = "../../examples/spool.conf"

// spoolSeries is a metric of that file's output, with further labels such as
// `verdict="accepted"`.
func spoolSeries(name string, labels ...string) string {
	return fmt.Sprintf(`fluentbit_output_es_go_%s{%s}`, name, strings.Join(append([]string{`name="logs"`}, labels...), ","))
}

// awaitSpooled waits until all that the agent reads is delivered, and its spool
// is empty.
func awaitSpooled(t *testing.T, agent *fluentbit.Agent, patience time.Duration) {
	t.Helper()
	last, since := -1.0, time.Now()
	support.Eventually(t, patience, "the spool is empty and nothing comes any more", func() bool {
		now := agent.Metric(t, spoolSeries("received_total"))
		if now != last {
			last, since = now, time.Now()
		}
		return now >= 0 && agent.Metric(t, spoolSeries("spool_frames")) == 0 && time.Since(since) > 2500*time.Millisecond
	})
}

// edited is a configuration with some of its lines' values replaced, given as
// "key value"; "-key" takes a line out, and "key: text" puts text behind it.
func edited(t *testing.T, file string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for _, change := range changes {
		key, value, _ := strings.Cut(strings.TrimPrefix(change, "-"), " ")
		key, behind := strings.CutSuffix(key, ":")
		found := false
		for i, line := range lines {
			if fields := strings.Fields(line); len(fields) < 2 || fields[0] != key {
				continue
			}
			switch found = true; {
			case strings.HasPrefix(change, "-"):
				lines[i] = ""
			case behind:
				lines[i] += "    " + value + "\n"
			default:
				lines[i] = "    " + key + " " + value + "\n"
			}
		}
		if !found {
			t.Fatalf("%s has no %s", file, key)
		}
	}
	path := t.TempDir() + "/fluent-bit.conf"
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
)

// losslessFile is what users are told to copy: the crash tests run it, so that
// what is recommended is what is tested.
const losslessFile = "../../examples/lossless.conf"

// site is what an agent's death leaves behind: its logs, its state, and the
// index prefix that is its own.
type site struct {
	logs, state, prefix string
}

func newSite(t *testing.T, prefix string) *site {
	t.Helper()
	s := &site{logs: t.TempDir(), state: t.TempDir(), prefix: prefix + "-"}
	return s
}

// start runs file, examples/lossless.conf or one that changed made of it.
func (s *site) start(t *testing.T, file, url string) *fluentbit.Agent {
	t.Helper()
	return fluentbit.StartFile(t, plugin, file,
		"ES_URL="+url, "LOG_PATH="+s.logs+"/*.log", "STATE_DIR="+s.state, "INDEX_PREFIX="+s.prefix)
}

// changed is examples/lossless.conf with some lines' values replaced, given as
// "key value".
func changed(t *testing.T, settings ...string) string {
	t.Helper()
	text, err := os.ReadFile(losslessFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, " ")
		found := false
		for i, line := range lines {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
				lines[i], found = "    "+key+" "+value+"\n", true
			}
		}
		if !found {
			t.Fatalf("%s has no %s", losslessFile, key)
		}
	}
	file := filepath.Join(t.TempDir(), "lossless.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// kill ends the agent as a crash does.
func kill(t *testing.T, agent *fluentbit.Agent) {
	t.Helper()
	agent.Signal(t, sigkill)
	_ = agent.Wait(t, 10*time.Second)
}

// accepted and alreadyThere are what the agent's metrics count.
const (
	acceptedSeries     = `fluentbit_output_es_go_documents_total{name="es_go.0",verdict="accepted"}`
	alreadyThereSeries = `fluentbit_output_es_go_documents_total{name="es_go.0",verdict="already_there"}`
)

// inventory is what Elasticsearch has of a site: for each line the documents
// that say it.
type inventory map[string][]stored

// stored is what matters of a document that came from a line.
type stored struct {
	index string
	time  time.Time
}

// take reads all documents of a site.
func take(t *testing.T, s *elasticsearch.Server, prefix string) inventory {
	t.Helper()
	if err := s.Refresh(t.Context(), prefix+"*"); err != nil {
		t.Fatal(err)
	}
	all := inventory{}
	err := s.Documents(t.Context(), prefix+"*", func(d elasticsearch.Document) error {
		source, err := decode(d.Source)
		if err != nil {
			return err
		}
		text, _ := source["log"].(string)
		stamp, _ := source["@timestamp"].(string)
		at, err := time.Parse(time.RFC3339Nano, stamp)
		all[text] = append(all[text], stored{index: d.Index, time: at})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// missing are lines that no document says; extra is how many documents there
// are beyond one a line.
func (i inventory) missing(lines []line) (missing []string, extra int) {
	known := 0
	for _, l := range lines {
		n := len(i[l.text])
		if n == 0 {
			missing = append(missing, l.text)
			continue
		}
		known++
		extra += n - 1
	}
	for range len(i) - known {
		extra++ // a document of no line at all
	}
	return missing, extra
}

// assertOnce fails the test unless each line is there exactly once, with its
// own time in the index of its day.
func (i inventory) assertOnce(t *testing.T, lines []line) {
	t.Helper()
	missing, extra := i.missing(lines)
	if len(missing) > 0 || extra > 0 {
		t.Errorf("%d of %d lines are missing (%.120q …), %d documents too many", len(missing), len(lines), missing[:min(1, len(missing))], extra)
	}
	faults := 0
	for _, l := range lines {
		for _, d := range i[l.text] {
			if !d.time.Equal(l.time) || !strings.HasSuffix(d.index, l.time.Format("2006.01.02")) {
				if faults++; faults <= 3 {
					t.Errorf("%q has the time %s in %s, want %s", l.text, d.time, d.index, l.time)
				}
			}
		}
	}
}

// awaitAll waits until Elasticsearch has at least so many documents of a site.
func awaitAll(t *testing.T, s *elasticsearch.Server, prefix string, want int, patience time.Duration) {
	t.Helper()
	got := 0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		_ = s.Refresh(t.Context(), prefix+"*")
		n, err := s.Count(t.Context(), prefix+"*")
		if err == nil {
			got = n
		}
		if got >= want {
			return
		}
	}
	t.Errorf("%d documents within %s, want at least %d", got, patience, want)
}

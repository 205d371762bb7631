package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
)

// Site survives an agent's death: its logs, its state, and its own index prefix.
type Site struct {
	Logs, State, Prefix string
}

// NewSite makes the folders of a site.
func NewSite(t *testing.T, prefix string) *Site {
	t.Helper()
	s := &Site{Logs: t.TempDir(), State: t.TempDir(), Prefix: prefix + "-"}
	return s
}

// Start runs file: examples/lossless.conf, examples/spool.conf, or a result of Edited.
func (s *Site) Start(t *testing.T, file, url string) *fluentbit.Agent {
	t.Helper()
	return fluentbit.StartFile(t, plugin, file,
		"ES_URL="+url, "LOG_PATH="+s.Logs+"/*.log", "STATE_DIR="+s.State, "INDEX_PREFIX="+s.Prefix)
}

// Kill ends the agent as a crash does.
func Kill(t *testing.T, agent *fluentbit.Agent) {
	t.Helper()
	agent.Signal(t, syscall.SIGKILL)
	_ = agent.Wait(t, 10*time.Second)
}

// Inventory has Elasticsearch's documents of a site, by line.
type Inventory map[string][]stored

// stored has the relevant parts of a line's document.
type stored struct {
	index  string
	time   time.Time
	offset int64 // tail's, -1 without
}

// of reports whether a document has the line's time, and is in the index of its day.
func (d stored) of(l Line) bool {
	return d.time.Equal(l.Time) && strings.HasSuffix(d.index, l.Time.Format("2006.01.02"))
}

// Take reads all documents of a site.
func Take(t *testing.T, s *elasticsearch.Server, prefix string) Inventory {
	t.Helper()
	if err := s.Refresh(t.Context(), prefix+"*"); err != nil {
		t.Fatal(err)
	}
	all := Inventory{}
	err := s.Documents(t.Context(), prefix+"*", func(d elasticsearch.Document) error {
		source, err := Decode(d.Source)
		if err != nil {
			return err
		}
		text, _ := source["log"].(string)
		stamp, _ := source["@timestamp"].(string)
		at, err := time.Parse(time.RFC3339Nano, stamp)
		all[text] = append(all[text], stored{d.Index, at, OffsetOf(source)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// OffsetOf is where tail says that a record's line begins, -1 without.
func OffsetOf(source map[string]any) int64 {
	number, _ := source["offset"].(json.Number)
	offset, err := number.Int64()
	if err != nil {
		return -1
	}
	return offset
}

// Missing returns the lines without a document; extra is the number of documents beyond one a line.
func (i Inventory) Missing(lines []Line) (missing []string, extra int) {
	for _, documents := range i {
		extra += len(documents)
	}
	for _, l := range lines {
		if len(i[l.Text]) == 0 {
			missing = append(missing, l.Text)
			continue
		}
		extra--
	}
	return missing, extra
}

// AssertOnce fails the test unless each line has exactly one document, with its own time, in the
// index of its day.
func (i Inventory) AssertOnce(t *testing.T, lines []Line) {
	t.Helper()
	missing, extra := i.Missing(lines)
	if len(missing) > 0 || extra > 0 {
		t.Errorf("%d of %d lines are missing (%.120q …), %d documents too many", len(missing), len(lines), missing[:min(1, len(missing))], extra)
	}
	faults := 0
	for _, l := range lines {
		for _, d := range i[l.Text] {
			if !d.of(l) {
				if faults++; faults <= 3 {
					t.Errorf("%q has the time %s in %s, want %s", l.Text, d.time, d.index, l.Time)
				}
			}
		}
	}
}

// AwaitAll waits until Elasticsearch has at least so many documents of a site.
func AwaitAll(t *testing.T, s *elasticsearch.Server, prefix string, want int) {
	t.Helper()
	got := AwaitCount(t, s, prefix+"*", want)
	if got >= want {
		return
	}
	tell := t.Errorf
	if TailTearsLines(t) {
		tell = t.Logf // the rest of a line is not always a document: AssertOnceAfterRestarts judges
	}
	tell("%d documents and no more, want at least %d", got, want)
}

// ReloadHangs is the reason why hot reloads can't be tested in old versions: there Fluent Bit
// itself answers RETRY.
const ReloadHangs = "never ends a hot reload while a chunk waits for a Go output"

// Edited is a configuration with changed lines, given as "key value"; "-key" removes a line, and
// "key: text" appends text to it.
func Edited(t *testing.T, file string, changes ...string) string {
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

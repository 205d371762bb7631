package agents

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// replayBlock is the command in docs/delivery.md.
var replayBlock = regexp.MustCompile("(?s)```sh\n(out-es replay .*?)```")

func replayOfDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	match := replayBlock.FindSubmatch(text)
	if match == nil {
		t.Fatal("docs/delivery.md shows no command out-es replay")
	}
	return string(match[1])
}

// TestCrashRejectedLinesComeBackByTheDocsCommand has a mapping reject every line, repairs it, and
// replays the dead-letter records twice.
func TestCrashRejectedLinesComeBackByTheDocsCommand(t *testing.T) {
	t.Parallel()
	s := e2e.Cluster(t)
	command := replayOfDocs(t)
	at := e2e.NewSite(t, e2e.FreshIndex(t, s))
	index := at.Prefix + "logs-" + e2e.FirstTime.Format("2006.01.02")
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"log":{"type":"long"}}}}`); err != nil {
		t.Fatal(err)
	}
	lines := e2e.WriteTags(t, at.Logs)
	agent := at.Start(t, losslessFile, s.URL())
	lettered := `fluentbit_output_es_go_records_total{name="es_go.0",outcome="dead_lettered"}`
	support.Eventually(t, time.Minute, "all lines are dead letters", func() bool { return agent.Metric(t, lettered) == float64(len(lines)) })
	agent.Stop(t)
	if err := s.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(at.State, "refused.ndjson")
	program := filepath.Join(t.TempDir(), "out-es")
	if out, err := exec.Command("go", "build", "-o", program, "out_es/cmd/out-es").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for range 2 { // a second replay finds that all is done
		replay := exec.Command("bash", "-euo", "pipefail", "-c", command)
		replay.Env = append(os.Environ(), "ES_URL="+s.URL(), "FILE="+file, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
		if out, err := replay.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	e2e.Take(t, s, at.Prefix).AssertOnce(t, lines)
	assertToTheByte(t, s, at.Prefix, file)
}

// assertToTheByte checks that each document equals its dead-letter record.
func assertToTheByte(t *testing.T, s *elasticsearch.Server, prefix, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	letters := map[string]bool{}
	for letter := range strings.Lines(string(text)) {
		fields, err := e2e.Decode([]byte(letter))
		if err != nil {
			t.Fatal(err)
		}
		document, _ := fields["document"].(string)
		letters[document] = true
	}
	err = s.Documents(t.Context(), prefix+"*", func(d elasticsearch.Document) error {
		if !letters[string(d.Source)] {
			t.Errorf("a document is in no letter as it is: %s", d.Source)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

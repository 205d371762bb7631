package agents

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
)

// TestFluentBitTailResumes kills an agent that has read the first half of a line, and starts it
// again when the line is whole. What tail makes of it is the same in es_go and in the built-in es
// beside it: versions that tear lines lose the half, and count offsets anew.
func TestFluentBitTailResumes(t *testing.T) {
	t.Parallel()
	s := e2e.Cluster(t)
	logs, state := t.TempDir(), t.TempDir()
	prefix := e2e.FreshIndex(t, s)
	indices := []string{prefix + "-plugin", prefix + "-builtin"}
	elastic, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	configuration := fmt.Sprintf(`[SERVICE]
    Flush 0.5
[INPUT]
    Name tail
    Path %s/*.log
    DB %s/tail.db
    Offset_Key offset
    Read_From_Head on
    Refresh_Interval 1
[OUTPUT]
    Name es_go
    Match *
    Hosts %s
    Index %s
[OUTPUT]
    Name es
    Match *
    Host 127.0.0.1
    Port %s
    Suppress_Type_Name on
    Index %s
`, logs, state, s.URL(), indices[0], elastic.Port(), indices[1])
	file, err := os.Create(filepath.Join(logs, "lines.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lifeOf := func(text string, documents int) *fluentbit.Agent {
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		agent := fluentbit.Start(t, e2e.Plugin(), configuration)
		for _, index := range indices {
			e2e.EventuallyCount(t, s, index, documents)
		}
		return agent
	}
	e2e.Kill(t, lifeOf("first\nsecond\nhalf a li", 2)) // tail stores its position before it hands over
	lifeOf("ne\nfourth\n", 4).Stop(t)

	want := map[string]int64{"first": 0, "second": 6, "half a line": 13, "fourth": 25}
	if e2e.TailTearsLines(t) {
		want = map[string]int64{"first": 0, "second": 6, "ne": 0, "fourth": 3}
	}
	for _, index := range indices {
		if got := offsetsOf(t, s, index); !maps.Equal(got, want) {
			t.Errorf("%s has the lines and offsets %v, want %v", index, got, want)
		}
	}
	e2e.SkipTornLines(t) // as it was held to be
}

// offsetsOf returns the lines of an index, and where they begin by tail.
func offsetsOf(t *testing.T, s *elasticsearch.Server, index string) map[string]int64 {
	t.Helper()
	offsets := map[string]int64{}
	err := s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
		source, err := e2e.Decode(d.Source)
		if err != nil {
			return err
		}
		text, _ := source["log"].(string)
		offsets[text] = e2e.OffsetOf(source)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return offsets
}

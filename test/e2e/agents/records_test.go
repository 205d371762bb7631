package agents

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// asElasticsearchTakesIt is the expected document of a record of examples/records with
// Replace_Dots: underscores for dots in keys, and another name for a metadata field.
func asElasticsearchTakesIt(value any, depth int) any {
	switch v := value.(type) {
	case map[string]any:
		changed := map[string]any{}
		for key, inner := range v {
			key = strings.ReplaceAll(key, ".", "_")
			if depth == 0 && key == "_source" {
				key = "_source_"
			}
			changed[key] = asElasticsearchTakesIt(inner, depth+1)
		}
		return changed
	case []any:
		for i := range v {
			v[i] = asElasticsearchTakesIt(v[i], depth+1)
		}
	}
	return value
}

// canonical is a document's JSON with sorted keys, to be compared.
func canonical(t *testing.T, document map[string]any) string {
	t.Helper()
	text, err := json.Marshal(e2e.Normal(document))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFluentBitExampleRecords tails records like those of the systemd input and the kubernetes
// filter.
func TestFluentBitExampleRecords(t *testing.T) {
	s := e2e.Cluster(t)
	for _, name := range []string{"journal.log", "kubernetes.log"} {
		t.Run(name, func(t *testing.T) {
			index := e2e.FreshIndex(t, s)
			path, err := filepath.Abs("../../../examples/records/" + name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			var want, got []string
			for lines := bufio.NewScanner(file); lines.Scan(); {
				record, err := e2e.Decode(lines.Bytes()) // of duplicate keys it takes the last, as es does
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, canonical(t, asElasticsearchTakesIt(record, 0).(map[string]any)))
			}
			conf := strings.ReplaceAll(e2e.Config(t, "", path, e2e.Section(s.URL(), index, "Workers 1", "Replace_Dots on")), "Parser json", "Parser plain")
			parser := filepath.Join(t.TempDir(), "parsers.conf")
			if err := os.WriteFile(parser, []byte("[PARSER]\n    Name plain\n    Format json\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			conf = strings.Replace(conf, "[SERVICE]\n", "[SERVICE]\n    Parsers_File "+parser+"\n", 1)
			agent := fluentbit.Start(t, e2e.Plugin(), conf)
			e2e.EventuallyCount(t, s, index, len(want))
			err = s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
				document, err := e2e.Decode(d.Source)
				delete(document, "@timestamp") // the time at which the line was read
				got = append(got, canonical(t, document))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			slices.Sort(got)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("got  %s\nwant %s", got[i], want[i])
				}
			}
			for kind, n := range map[string]float64{"duplicate": 4, "reserved": 5} {
				series := fmt.Sprintf(`fluentbit_output_es_go_changed_keys_total{name="es_go.0",kind=%q}`, kind)
				if (kind == "duplicate") == (name == "journal.log") {
					support.Eventually(t, time.Minute, kind+" keys are counted", func() bool { return agent.Metric(t, series) == n })
				}
			}
			agent.Stop(t)
		})
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/test/elasticsearch"
)

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 123456: "123,456", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

func TestPrettyKeepsOrderAndSpelling(t *testing.T) {
	got, err := pretty(elasticsearch.Document{Index: "i-1", ID: "a\"b", Source: []byte(`{"z":1.50,"a":{"é":"<寿司>"}}`)})
	want := `{
  "_index": "i-1",
  "_id": "a\"b",
  "_source": {
    "z": 1.50,
    "a": {
      "é": "<寿司>"
    }
  }
}`
	if err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestExplainSaysWhatHappened(t *testing.T) {
	state := t.TempDir()
	a := &agent{log: filepath.Join(state, agentLog), done: make(chan struct{})}
	log := "Fluent Bit v5\n  ___ \n[2026/01/01 00:00:00.000] [ info] [engine] started\n" +
		"[2026/01/01 00:00:00.000] [ warn] [env] variable ${INDEX_PREFIX} is used but not set\n" +
		"[2026/01/01 00:00:01.000] [error] [output:es_go:es_go.0] connection refused\n"
	if err := os.WriteFile(a.log, []byte(log), 0o644); err != nil {
		t.Fatal(err)
	}
	quiet := filepath.Join(state, elasticsearchLog)
	if err := os.WriteFile(quiet, []byte("[2026-01-01T00:00:00,000][INFO ][o.e.n.Node] started\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	read := []sample{{"fluentbit_output_retries_total", `{name="es_go.0"}`, 3}}
	text := explain(settings{}, a, snapshot{stored: 4000, read: 4999, readKnown: true, samples: read}, 4999, "nothing has happened for 1m0s").Error()
	for _, part := range []string{"nothing has happened for 1m0s", "4,999", "4,000", `{name="es_go.0"} 3`, "connection refused", "rejected, or wait", "Nothing but routine is in Elasticsearch's log"} {
		if !strings.Contains(text, part) {
			t.Errorf("it doesn't say %q:\n%s", part, text)
		}
	}
	for _, part := range []string{"___", "[ info]", "INDEX_PREFIX"} {
		if strings.Contains(text, part) {
			t.Errorf("it says %q:\n%s", part, text)
		}
	}
}

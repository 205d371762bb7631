package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
)

// TestStackTracesAreJoined runs the agent with components/stack-traces on a container's log,
// against the real Elasticsearch.
func TestStackTracesAreJoined(t *testing.T) {
	so, program := plugin(t), fluentbit.ForTest(t)
	objects := RenderWith(t, "kubernetes/overlays/development", "kubernetes/components/stack-traces")
	s := elasticsearch.ForTest(t, elasticsearch.Options{})
	given := nodeless(t, objects)
	given["ES_HOSTS"] = s.URL()
	java := "Exception in thread \"main\" java.lang.IllegalStateException: no order\n\tat com.example.Shop.order(Shop.java:12)\n\tat com.example.Shop.main(Shop.java:4)"
	python := "Traceback (most recent call last):\n  File \"shop.py\", line 4, in <module>\n    order()\nValueError: no order"
	golang := "panic: no order\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/shop.go:4 +0x1d"
	want := []string{"a line before", java, "a line between", python, "another line", golang, "a line after"}
	var log strings.Builder
	for line := range strings.SplitSeq(strings.Join(want, "\n"), "\n") {
		log.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " stdout F " + line + "\n")
	}
	file := "shop-0_shop_shop-" + strings.Repeat("ab", 32) + ".log"
	if err := os.WriteFile(filepath.Join(given["HOST_LOG"], "containers", file), []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := objects.WriteConfigMap(t, "out-es-agent")
	environment := objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)
	dry(t, program, so, filepath.Join(dir, "fluent-bit.yaml"), environment)
	agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), environment...)
	defer agent.Signal(t, syscall.SIGTERM)

	const stream = "logs-kubernetes.container_logs-default"
	got := map[string]int{}
	for end := time.Now().Add(30 * time.Second); len(got) < len(want) && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		clear(got)
		_ = s.Refresh(t.Context(), stream)
		_ = s.Documents(t.Context(), stream, func(d elasticsearch.Document) error {
			var source map[string]any
			if err := json.Unmarshal(d.Source, &source); err != nil {
				return err
			}
			got[strings.TrimSuffix(Text(source, "log"), "\n")]++
			return nil
		})
	}
	for _, text := range want {
		if got[text] != 1 {
			t.Errorf("%q is there %d times, want once", text, got[text])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d different documents, want %d: %v", len(got), len(want), got)
	}
}

package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// TestStateOutlivesUpgradeAndRollback: three agents on one node's state while Elasticsearch is away: one version of the plugin, another,
// and the first again. OUT_ES_OTHER_SO names the other version, such as out_es.so of an older commit.
func TestStateOutlivesUpgradeAndRollback(t *testing.T) {
	other := os.Getenv("OUT_ES_OTHER_SO")
	if other == "" {
		t.Skip("OUT_ES_OTHER_SO does not name out_es.so of another version (make build in a checkout of it)")
	}
	for name, order := range map[string][]string{"upgrade and rollback": {other, plugin(t), other}, "rollback and upgrade": {plugin(t), other, plugin(t)}} {
		t.Run(name, func(t *testing.T) { stateOutlives(t, order) })
	}
}

func stateOutlives(t *testing.T, order []string) {
	objects := RenderWith(t, "kubernetes/overlays/development", "kubernetes/components/logstash")
	given := nodeless(t, objects)
	port, err := strconv.Atoi(support.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	given["ES_HOSTS"] = fmt.Sprint("http://127.0.0.1:", port)
	log := newFloodedLog(t, given["HOST_LOG"])
	dir := objects.WriteConfigMap(t, "out-es-agent")
	environment := objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)
	const each = 500
	for i, so := range order {
		log.write(t, each)
		agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), environment...)
		support.Eventually(t, time.Minute, "its lines are read", func() bool { return agent.Metric(t, `fluentbit_input_records_total{name="containers"}`) >= each })
		if i < len(order)-1 {
			// As a DaemonSet's update does.
			agent.Signal(t, syscall.SIGTERM)
			_ = agent.Wait(t, time.Minute)
		}
	}
	s := elasticsearch.ForTest(t, elasticsearch.Options{Port: port})
	const pattern = "logstash-2*"
	support.Eventually(t, 2*time.Minute, "all lines are there", func() bool {
		_ = s.Refresh(t.Context(), pattern)
		n, err := s.Count(t.Context(), pattern)
		return err == nil && n >= log.number
	})
	seen := make([]int, log.number)
	err = s.Documents(t.Context(), pattern, func(d elasticsearch.Document) error {
		var source struct{ Log string }
		if err := json.Unmarshal(d.Source, &source); err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.Fields(source.Log)[1])
		seen[n]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("line %d is there %d times", n, times)
		}
	}
	t.Logf("%d lines of three agents, each once", log.number)
}

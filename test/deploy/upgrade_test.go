package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// TestStateOutlivesUpgradeAndRollback: three agents on one node's state while Elasticsearch is
// away: one version of the plugin, another, and the first again. OUT_ES_OTHER_SO names the other
// version, such as out_es.so of an older commit.
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
	for n, times := range log.delivered(t, s, "logstash-2*", log.number) {
		if times != 1 {
			t.Fatalf("line %d is there %d times", n, times)
		}
	}
	t.Logf("%d lines of three agents, each once", log.number)
}

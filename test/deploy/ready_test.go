package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"out_es/test/elasticsearch"
)

// TestReadinessWaitsForShards runs the probe's own script on the real Elasticsearch: one node, and
// an index that wants a replica.
func TestReadinessWaitsForShards(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing (Debian, Ubuntu: apt-get install curl)")
	}
	_, objects := Render(t, "kubernetes/overlays/production")
	set := objects.Find(t, "StatefulSet", "es-logging")
	term := At(set.PodSpec(), "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", 0)
	if Text(term, "topologyKey") != "kubernetes.io/hostname" || !matches(At(term, "labelSelector"), podLabels(set)) {
		t.Error("two nodes of Elasticsearch may share a host")
	}
	if status := objects.Environment(t, set, map[string]string{"POD_NAME": "es-logging-0", "ELASTIC_PASSWORD": "x"}); !slices.Contains(status, "READY_STATUS=green") {
		t.Errorf("the environment of Elasticsearch is %q", status)
	}
	probe := filepath.Join(objects.WriteConfigMap(t, "es-logging-config"), "ready.sh")
	s := elasticsearch.ForTest(t, elasticsearch.Options{})
	ready := func(status, file string) bool {
		command := exec.CommandContext(t.Context(), "sh", probe)
		command.Env = append(os.Environ(), "READY_URL="+s.URL(), "READY_STATUS="+status, "READY_FILE="+file)
		return command.Run() == nil
	}
	first := filepath.Join(t.TempDir(), "ready")
	if !ready("green", first) {
		t.Error("a green cluster is not ready")
	}
	if err := s.PutIndex(t.Context(), "replicated", `{"settings":{"number_of_replicas":1}}`); err != nil {
		t.Fatal(err)
	}
	if other := filepath.Join(t.TempDir(), "ready"); ready("green", other) || !ready("yellow", other) {
		t.Error("a node that has just started is ready before the shards are there, or never")
	}
	// The way on that deploy/README.md has for an upgrade, where a replica has no node yet.
	by := filepath.Join(t.TempDir(), "ready")
	Run(t, nil, "sh", "-c", "stat -c %Y /proc/1 >"+by)
	if !ready("green", by) {
		t.Error("a node can't be declared ready by hand")
	}
	if !ready("green", first) {
		t.Error("a node that was ready goes away because another one's shards are missing")
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if ready("green", first) {
		t.Error("a node that does not answer is ready")
	}
}

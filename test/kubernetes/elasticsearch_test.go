package kubernetes

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/support"
)

// TestElasticsearchGoesNodeByNode on the real API server with the real controllers: the three nodes
// of overlays/production are replaced one after the other. A node is ready once its shards have
// recovered (ready.sh), and until then neither a rolling update nor a drain takes another.
func TestElasticsearchGoesNodeByNode(t *testing.T) {
	c := ready(t)
	nodes := c.controllers(t, "node-1", "node-2", "node-3")
	text, _ := deploy.Render(t, "kubernetes/overlays/production")
	c.Kubectl(t, string(text), "apply", "--server-side", "-f", "-")
	const set = "statefulset/es-logging"
	c.rolledOut(t, set)
	uid := func(n int) string {
		out, _ := c.kubectl(t.Context(), "", "-n", "monitoring", "get", "pod", fmt.Sprint("es-logging-", n), "-o", "jsonpath={.metadata.uid}")
		return out
	}
	evict := func(n int) (status int, answer string) {
		t.Helper()
		name := fmt.Sprint("es-logging-", n)
		status, answer, err := nodes.api.do("POST", podsOfStack+"/"+name+"/eviction", fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":"monitoring"}}`, name))
		if err != nil {
			t.Fatal(err)
		}
		return status, answer
	}
	allowed := func(n string) {
		t.Helper()
		support.Eventually(t, time.Minute, n+" may be evicted", func() bool {
			return c.Kubectl(t, "", "-n", "monitoring", "get", "pdb", "es-logging", "-o", "jsonpath={.status.disruptionsAllowed}") == n
		})
	}
	refused := func(n int) {
		t.Helper()
		if status, answer := evict(n); status != http.StatusTooManyRequests || !strings.Contains(answer, "disruption budget") {
			t.Errorf("the eviction of es-logging-%d is answered with %d: %s", n, status, answer)
		}
	}

	// A rolling update begins with the last.
	allowed("1")
	before := []string{uid(0), uid(1), uid(2)}
	nodes.reset()
	nodes.hold("es-logging-2")
	c.Kubectl(t, "", "-n", "monitoring", "patch", set, "--type=merge", "-p", `{"spec":{"template":{"metadata":{"annotations":{"changed":"yes"}}}}}`)
	support.Eventually(t, time.Minute, "the last node is replaced", func() bool { now := uid(2); return len(now) == len(before[2]) && now != before[2] })
	allowed("0")
	refused(0)
	if uid(0) != before[0] || uid(1) != before[1] {
		t.Error("another node is replaced before the last is ready")
	}
	nodes.hold("")
	c.rolledOut(t, set)
	if most := nodes.mostAway("elasticsearch"); most != 1 {
		t.Errorf("%d nodes of 3 were away at once", most)
	}
	for n := range before {
		if uid(n) == before[n] {
			t.Errorf("es-logging-%d is still that of before", n)
		}
	}

	// A drain takes one, and the next when that is ready.
	allowed("1")
	nodes.hold("es-logging-0")
	if status, answer := evict(0); status != http.StatusCreated {
		t.Fatalf("the eviction of a node while all are ready is answered with %d: %s", status, answer)
	}
	allowed("0")
	refused(1)
	nodes.hold("")
	allowed("1")
}

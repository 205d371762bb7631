package kubernetes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/support"
)

// controllers starts those that make pods of workloads, from the real kube-controller-manager, and
// nodes.
func (c *Cluster) controllers(t *testing.T, nodes ...string) *kubelets {
	t.Helper()
	c.background(t, program(t, "kube-controller-manager"), "--kubeconfig", c.admin, "--leader-elect=false", "--bind-address", "127.0.0.1", "--secure-port", support.FreePort(t),
		"--cert-dir", c.file("controllers"), "--controllers", "daemonset-controller,deployment-controller,replicaset-controller,statefulset-controller,disruption-controller")
	for _, name := range nodes {
		c.Kubectl(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q,"labels":{"kubernetes.io/os":"linux","kubernetes.io/arch":"amd64","kubernetes.io/hostname":%q}}}`, name, name), "apply", "-f", "-")
		c.Kubectl(t, "", "patch", "node", name, "--subresource=status", "--type=merge", "-p",
			`{"status":{"allocatable":{"cpu":"8","memory":"32Gi","pods":"110","ephemeral-storage":"100Gi"},"conditions":[{"type":"Ready","status":"True"}]}}`)
	}
	k := &kubelets{api: c.client(t, adminToken, true), nodes: nodes, stop: make(chan struct{}), away: map[string]int{}}
	k.wait.Go(func() {
		for {
			select {
			case <-k.stop:
				return
			case <-time.After(100 * time.Millisecond):
				k.look(t)
			}
		}
	})
	t.Cleanup(func() { close(k.stop); k.wait.Wait() })
	return k
}

// kubelets play the scheduler and the nodes: each pod is bound, is ready at the next look, and goes
// when it has to.
type kubelets struct {
	api   *client
	nodes []string
	stop  chan struct{}
	wait  sync.WaitGroup

	mu   sync.Mutex
	away map[string]int // how many pods of a workload that has one on each node were missing or not ready at most, since reset
	held string         // the name of a pod that does not get ready
}

const podsOfStack = "/api/v1/namespaces/monitoring/pods"

// look does the next step of each pod.
func (k *kubelets) look(t *testing.T) {
	_, text, err := k.api.do("GET", podsOfStack, "")
	var list struct{ Items []map[string]any }
	if err != nil || json.Unmarshal([]byte(text), &list) != nil {
		return // the server is at its end
	}
	ready := map[string]int{}
	for _, pod := range list.Items {
		name := deploy.Text(pod, "metadata", "name")
		switch {
		case deploy.Text(pod, "metadata", "deletionTimestamp") != "":
			_, _, _ = k.api.do("DELETE", podsOfStack+"/"+name, `{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0}`)
		case deploy.Text(pod, "spec", "nodeName") == "":
			if node := k.node(pod); node != "" {
				_, _, _ = k.api.do("POST", podsOfStack+"/"+name+"/binding", fmt.Sprintf(`{"apiVersion":"v1","kind":"Binding","metadata":{"name":%q},"target":{"apiVersion":"v1","kind":"Node","name":%q}}`, name, node))
			}
		case deploy.Text(pod, "status", "phase") != "Running":
			if !k.holds(name) {
				k.run(t, name)
			}
		default:
			ready[deploy.Text(pod, "metadata", "labels", "app.kubernetes.io/name")]++
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, workload := range []string{"out-es-agent", "elasticsearch"} {
		k.away[workload] = max(k.away[workload], len(k.nodes)-ready[workload])
	}
}

// hold keeps a pod of this name from getting ready, should it be made anew; none lets all get
// ready.
func (k *kubelets) hold(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = name
}

func (k *kubelets) holds(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held == name
}

// run tells that a pod is ready.
func (k *kubelets) run(t *testing.T, name string) {
	request, err := http.NewRequest("PATCH", k.api.url+podsOfStack+"/"+name+"/status", strings.NewReader(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`))
	if err != nil {
		t.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+k.api.token)
	request.Header.Set("Content-Type", "application/merge-patch+json")
	if answer, err := k.api.http.Do(request); err == nil {
		answer.Body.Close()
	}
}

// node is where a pod goes: a DaemonSet's says it by name, others go to the first.
func (k *kubelets) node(pod map[string]any) string {
	terms := deploy.List(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	for _, term := range terms {
		for _, field := range deploy.List(term, "matchFields") {
			if values := deploy.List(field, "values"); len(values) == 1 {
				return values[0].(string)
			}
		}
	}
	return k.nodes[0]
}

// reset begins to count anew how many pods are away.
func (k *kubelets) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.away)
}

// mostAway is how many pods of a workload were away at most since reset.
func (k *kubelets) mostAway(workload string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.away[workload]
}

// rolledOut waits for workloads of the stack.
func (c *Cluster) rolledOut(t *testing.T, workloads ...string) {
	t.Helper()
	for _, name := range workloads {
		c.Kubectl(t, "", "-n", "monitoring", "rollout", "status", "--timeout=60s", name)
	}
}

// pods are the stack's that stay, by the name of their workload, each with its uid and image.
func (c *Cluster) pods(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	said := c.Kubectl(t, "", "-n", "monitoring", "get", "pods", "-o",
		`jsonpath={range .items[*]}{.metadata.labels.app\.kubernetes\.io/name} {.metadata.uid} {.spec.containers[0].image} {.metadata.deletionTimestamp}{"\n"}{end}`)
	for line := range strings.Lines(said) {
		if fields := strings.Fields(line); len(fields) == 3 {
			all[fields[0]] = append(all[fields[0]], fields[1]+" "+fields[2])
		}
	}
	for _, pods := range all {
		slices.Sort(pods)
	}
	return all
}

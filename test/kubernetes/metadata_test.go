package kubernetes

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// A cluster of 200 nodes, each with 40 containers in five namespaces.
const (
	fleetNodes = 200
	perNode    = 40
	shops      = 5
)

// client asks the API server with a token.
type client struct {
	http  *http.Client
	url   string
	token string
}

// client returns one that keeps its connections, or one that opens one for each request, as Fluent
// Bit's filter does.
func (c *Cluster) client(t testing.TB, token string, keep bool) *client {
	t.Helper()
	authority, err := os.ReadFile(c.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &client{&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: !keep, MaxIdleConnsPerHost: 16}}, c.URL, token}
}

// do returns the answer's status and text.
func (c *client) do(method, path, body string) (int, string, error) {
	request, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// fleetPod is the name and the namespace of the n-th pod of a node.
func fleetPod(node, n int) (namespace, name string) {
	return fmt.Sprint("shop-", n%shops), fmt.Sprintf("web-%d-%d", node, n)
}

// populate creates pods: n on each of the nodes first to last.
func (c *Cluster) populate(t *testing.T, first, last, n int) {
	t.Helper()
	administrator := c.client(t, adminToken, true)
	var workers sync.WaitGroup
	numbers := make(chan int)
	for range 16 {
		workers.Go(func() {
			for node := range numbers {
				for i := range n {
					namespace, name := fleetPod(node, i)
					pod := fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"app":"web","app.kubernetes.io/name":"shop","pod-template-hash":"779986219f"}},"spec":{"nodeName":"node-%d",
						"serviceAccountName":"default","automountServiceAccountToken":false,"containers":[{"name":"web","image":"registry.example.com/shop:1.2.3"}]}}`, name, node)
					if status, text, err := administrator.do("POST", "/api/v1/namespaces/"+namespace+"/pods", pod); err != nil || status != http.StatusCreated {
						t.Errorf("the pod %s: %v %d %s", name, err, status, text)
						return
					}
				}
			}
		})
	}
	for node := first; node <= last; node++ {
		numbers <- node
	}
	close(numbers)
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// containers opens the log of each of the first n pods of a node.
func (n *node) containers(t *testing.T, number, count int) []*os.File {
	t.Helper()
	var files []*os.File
	for i := range count {
		namespace, name := fleetPod(number, i)
		files = append(files, n.fileOf(t, namespace, name, "web", "uid", containerID(name, "web")))
	}
	return files
}

// lines writes a line into each file, once a second for so many seconds, so that each is a chunk of
// its own.
func lines(t *testing.T, files []*os.File, seconds int) {
	t.Helper()
	for n := range seconds {
		for _, file := range files {
			cri(t, file, "F", fmt.Sprint("line ", n))
		}
		time.Sleep(time.Second)
	}
}

// anotherNode is the same stack for a node with an empty /var/log.
func (s *stack) anotherNode(t *testing.T) *stack {
	t.Helper()
	other := *s
	other.node, other.exporter = &node{log: t.TempDir(), cluster: s.cluster}, support.FreePort(t)
	if err := os.MkdirAll(other.node.log+"/containers", 0o755); err != nil {
		t.Fatal(err)
	}
	return &other
}

// readAll waits until the agent has read so many lines.
func readAll(t *testing.T, agent *fluentbit.Agent, want int) {
	t.Helper()
	support.Eventually(t, time.Minute, "the lines are read", func() bool {
		return agent.Metric(t, `fluentbit_input_records_total{name="containers"}`) >= float64(want)
	})
}

// TestMetadataOf200Nodes: a node's agent asks the API server once for each container, so the
// requests of 200 nodes can be computed; their cost for a real API server with their 8,000 pods is
// measured. kube_meta_cache_ttl is an hour.
func TestMetadataOf200Nodes(t *testing.T) {
	s := newStack(t)
	for i := range shops {
		s.cluster.Namespace(t, fmt.Sprint("shop-", i), `{"team":"web"}`)
	}
	s.cluster.populate(t, 1, fleetNodes, perNode)

	// One node, by the agent itself.
	files := s.node.containers(t, 1, perNode)
	pods, namespaces := s.cluster.requests(t, "pods"), s.cluster.requests(t, "namespaces")
	agent := s.start(t, "DaemonSet", "out-es-agent", t.TempDir())
	lines(t, files, 8)
	readAll(t, agent, 8*perNode)
	pods, namespaces = s.cluster.requests(t, "pods")-pods, s.cluster.requests(t, "namespaces")-namespaces
	if pods != perNode || namespaces != shops {
		t.Errorf("the agent asked for pods %d times and for namespaces %d times, with %d containers in %d namespaces", pods, namespaces, perNode, shops)
	}
	hourly := fleetNodes*perNode + 4*fleetNodes*shops
	t.Logf("one node: %d requests for pods, %d for namespaces; 200 nodes: %d and %d at once, and %.1f requests a second from then on", pods, namespaces,
		fleetNodes*perNode, fleetNodes*shops, float64(hourly)/3600)

	// All 200 at once, as after a change of the DaemonSet that waited for nothing: each asks in
	// turn, on a new connection each time, as the filter does.
	token, err := os.ReadFile(s.cluster.TokenFile(t, "out-es-agent"))
	if err != nil {
		t.Fatal(err)
	}
	fleet, used, began := s.cluster.client(t, string(token), false), cpu(t, s.cluster.server), time.Now()
	var agents sync.WaitGroup
	for node := 1; node <= fleetNodes; node++ {
		agents.Go(func() {
			for i := range perNode {
				namespace, name := fleetPod(node, i)
				if status, text, err := fleet.do("GET", "/api/v1/namespaces/"+namespace+"/pods/"+name, ""); err != nil || status != http.StatusOK {
					t.Errorf("node %d, pod %s: %v %d %s", node, name, err, status, text)
					return
				}
			}
		})
	}
	agents.Wait()
	took, used := time.Since(began), cpu(t, s.cluster.server)-used
	each := used / (fleetNodes * perNode)
	t.Logf("%d requests by %d agents at once: %.0f s, %.0f s of the API server's CPU, %s a request; %.1f a second take %.2f %% of a core", fleetNodes*perNode,
		fleetNodes, took.Seconds(), used.Seconds(), each.Round(10*time.Microsecond), float64(hourly)/3600, 100*each.Seconds()*float64(hourly)/3600)
	if each > 20*time.Millisecond {
		t.Errorf("a request costs the API server %s", each)
	}
	agent.Stop(t)

	t.Run("more containers than the cache has room for", func(t *testing.T) { s.overfull(t) })
	t.Run("the kubelet tells instead", func(t *testing.T) { s.askKubelet(t) })
}

// overfull: Fluent Bit's cache has 256 places, whatever its settings are. With more containers than
// that, each chunk is a request.
func (s *stack) overfull(t *testing.T) {
	other := s.anotherNode(t)
	const many, seconds = 300, 6
	s.cluster.populate(t, fleetNodes+1, fleetNodes+1, many)
	files := other.node.containers(t, fleetNodes+1, many)
	before := s.cluster.requests(t, "pods")
	agent := other.start(t, "DaemonSet", "out-es-agent", t.TempDir())
	lines(t, files, seconds)
	readAll(t, agent, seconds*many)
	n := s.cluster.requests(t, "pods") - before
	t.Logf("%d containers that log once a second: %d requests in %d s", many, n, seconds)
	if n <= many {
		t.Errorf("the API server was asked %d times for %d containers: deploy/README.md says that the cache ends at 256", n, many)
	}
	agent.Stop(t)
}

// cpu is the kernel's account of a process, user and system: fields 14 and 15 of /proc/PID/stat, in
// hundredths of a second.
func cpu(t *testing.T, process *os.Process) (used time.Duration) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	for _, field := range fields[11:13] {
		var ticks int
		if _, err := fmt.Sscan(field, &ticks); err != nil {
			t.Fatal(err)
		}
		used += time.Duration(ticks) * 10 * time.Millisecond
	}
	return used
}

// TestPodThatComesBackIsAskedForAnew: a StatefulSet's pod has the name of the one before.
func TestPodThatComesBackIsAskedForAnew(t *testing.T) {
	s := newStack(t)
	s.cluster.Namespace(t, "shop", `{}`)
	agent := s.start(t, "DaemonSet", "out-es-agent", t.TempDir())
	for _, version := range []string{"1", "2"} {
		s.node.pod(t, plainPod("shop", "db-0", "db", map[string]any{"version": version}, nil))
		uid := s.cluster.Kubectl(t, "", "-n", "shop", "get", "pod", "db-0", "-o", "jsonpath={.metadata.uid}")
		cri(t, s.node.fileOf(t, "shop", "db-0", "db", uid, containerID("db-0", "db"+version)), "F", "of version "+version)
		support.Eventually(t, time.Minute, "the line is there", func() bool {
			all, _ := s.found(t, containerLogs)
			for _, d := range all {
				if strings.HasPrefix(deploy.Text(d, "log"), "of version "+version) {
					if got := deploy.Text(d, "kubernetes", "labels", "version"); got != version || deploy.Text(d, "kubernetes", "pod_id") != uid {
						t.Errorf("the line of version %s has the label of %q and the pod %v", version, got, deploy.At(d, "kubernetes", "pod_id"))
					}
					return true
				}
			}
			return false
		})
		s.cluster.Kubectl(t, "", "-n", "shop", "delete", "pod", "db-0", "--force", "--grace-period=0")
	}
	agent.Stop(t)
}

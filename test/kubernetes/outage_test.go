package kubernetes

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/support"
)

// wire forwards connections to Elasticsearch, until a test cuts them.
type wire struct {
	address, target string
	mu              sync.Mutex
	listener        net.Listener
	open            []net.Conn
}

// join lets connections through, on the port that it had before if it had one.
func (w *wire) join(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.listener, w.address = listener, listener.Addr().String()
	w.mu.Unlock()
	t.Cleanup(w.cut)
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", w.target)
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, near, far)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go func() { _, _ = io.Copy(near, far); near.Close() }()
		}
	}()
}

// cut refuses connections, and ends those that are there.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.listener.Close()
	for _, connection := range w.open {
		_ = connection.Close()
	}
	w.open = nil
}

// requests counts the API server's GET requests for a single object of a resource, pods or
// namespaces.
func (c *Cluster) requests(t testing.TB, resource string) (n int) {
	t.Helper()
	one := regexp.MustCompile(`(?m)^apiserver_request_total\{[^}]*resource="` + resource + `"[^}]*subresource=""[^}]*verb="GET"[^}]*\} (\d+)$`)
	for _, match := range one.FindAllStringSubmatch(c.Kubectl(t, "", "get", "--raw", "/metrics"), -1) {
		count, _ := strconv.Atoi(match[1])
		n += count
	}
	return n
}

// TestStackLosesAndDuplicatesNothing: an outage of Elasticsearch, a pod that floods, and a node
// that is killed and starts again on its state. Daily indices keep ids, so each line is there
// exactly once.
func TestStackLosesAndDuplicatesNothing(t *testing.T) {
	s := newStack(t).with(t, "kubernetes/components/logstash")
	s.cluster.Namespace(t, "shop", `{}`)
	pods := []string{"flood-0", "web-0", "web-1"}
	for _, pod := range pods {
		s.node.pod(t, plainPod("shop", pod, "app", map[string]any{"app": "shop"}, nil))
	}
	written, writes := map[string]int{}, 0
	write := func(pod string, lines int) {
		writes++
		file := s.node.file(t, "shop", pod, "app")
		all := make([]string, lines)
		for i := range all {
			all[i] = fmt.Sprintf("%s line %d", pod, written[pod])
			written[pod]++
		}
		cri(t, file, "F", all...)
	}
	everybody := func(flood int) {
		write("flood-0", flood)
		write("web-0", 20)
		write("web-1", 20)
	}
	elasticsearch := &wire{address: "127.0.0.1:0", target: strings.TrimPrefix(s.es.URL(), "http://")}
	elasticsearch.join(t)
	s.address = "http://" + elasticsearch.address

	asked, state := s.cluster.requests(t, "pods"), t.TempDir()
	everybody(5000)
	agent := s.start(t, "DaemonSet", "out-es-agent", state)
	const pattern, accepted = "logstash-2*", `fluentbit_output_es_go_records_total{name="containers",outcome="accepted"}`
	support.Eventually(t, time.Minute, "the first documents are there", func() bool { return agent.Metric(t, accepted) > 0 })
	elasticsearch.cut()
	everybody(5000)
	support.Eventually(t, time.Minute, "the agent reads on in the outage", func() bool {
		return agent.Metric(t, `fluentbit_input_records_total{name="containers"}`) >= 10080
	})
	agent.Signal(t, syscall.SIGKILL)
	_ = agent.Wait(t, 10*time.Second)
	everybody(5000)
	agent = s.start(t, "DaemonSet", "out-es-agent", state)
	support.Eventually(t, time.Minute, "it goes on where it was", func() bool {
		return agent.Metric(t, `fluentbit_input_records_total{name="containers"}`) >= 5040
	})
	elasticsearch.join(t)
	everybody(5000)

	total := 0
	for _, lines := range written {
		total += lines
	}
	support.Eventually(t, 2*time.Minute, "all documents are there", func() bool { return s.count(t, pattern) >= total })
	seen := map[string]int{}
	for _, d := range s.documents(t, pattern) {
		seen[strings.TrimSuffix(deploy.Text(d, "log"), "\n")]++
	}
	for pod, lines := range written {
		for n := range lines {
			if times := seen[fmt.Sprintf("%s line %d", pod, n)]; times != 1 {
				t.Fatalf("line %d of %s is there %d times", n, pod, times)
			}
		}
	}
	// Each agent asks once for each container, and not again for an hour. The test's own kubectl
	// asks with each write.
	n := s.cluster.requests(t, "pods") - asked - writes
	if n > 2*len(pods) {
		t.Errorf("the API server was asked for a pod %d times, by two agents and for %d containers", n, len(pods))
	}
	t.Logf("%d lines, each once; the API server was asked for a pod %d times by two agents", total, n)
}

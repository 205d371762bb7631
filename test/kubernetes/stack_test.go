package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/deploy"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// stack is the running stack, with its rendered configuration.
type stack struct {
	cluster  *Cluster
	es       *elasticsearch.Server
	node     *node
	objects  deploy.Objects
	plugin   string
	exporter string            // port of the log-made metrics
	address  string            // that agents reach Elasticsearch at, where it isn't its own
	given    map[string]string // further variables of the environment
}

func newStack(t *testing.T) *stack {
	t.Helper()
	so := os.Getenv("OUT_ES_SO")
	if so == "" {
		t.Skip("OUT_ES_SO is not set: `make e2e-kubernetes` sets it")
	}
	fluentbit.ForTest(t)
	s := &stack{cluster: ready(t), es: elasticsearch.ForTest(t, elasticsearch.Options{}), plugin: so, exporter: support.FreePort(t)}
	var text []byte
	text, s.objects = deploy.Render(t, "kubernetes/overlays/development")
	s.cluster.Kubectl(t, string(text), "apply", "--server-side", "-f", "-")
	s.node = &node{log: t.TempDir(), cluster: s.cluster}
	if err := os.MkdirAll(filepath.Join(s.node.log, "containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := s.objects.WriteConfigMap(t, "out-es-set-up")
	command := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "set-up.sh"))
	command.Env = append(os.Environ(), "ES_HOSTS="+s.es.URL(), "SET_UP="+dir, "TEMPLATES="+s.objects.WriteConfigMap(t, "out-es-templates"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the set-up: %v\n%s", err, out)
	}
	return s
}

// start runs Fluent Bit with a workload's own configuration, environment and service account.
func (s *stack) start(t *testing.T, kind, name, state string) *fluentbit.Agent {
	t.Helper()
	given := map[string]string{
		"ES_HOSTS": s.es.URL(), "LISTEN": "127.0.0.1", "HTTP_PORT": "-", "EXPORTER_PORT": s.exporter, "HOST_LOG": s.node.log, "STATE_DIR": state,
		"NODE_NAME": "node-1", "POD_NAMESPACE": "monitoring",
		"KUBE_URL": s.cluster.URL, "KUBE_CA_FILE": s.cluster.CAFile, "KUBE_TOKEN_FILE": s.cluster.TokenFile(t, name),
	}
	if s.address != "" {
		given["ES_HOSTS"] = s.address
	}
	maps.Copy(given, s.given)
	dir := s.objects.WriteConfigMap(t, name)
	return fluentbit.StartFile(t, s.plugin, filepath.Join(dir, "fluent-bit.yaml"), s.objects.Environment(t, s.objects.Find(t, kind, name), given)...)
}

// documents returns all of a pattern's.
func (s *stack) documents(t *testing.T, pattern string) []map[string]any {
	t.Helper()
	all, err := s.found(t, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// found is documents for a wait: of an index that has just been created, the answer may be an
// error.
func (s *stack) found(t *testing.T, pattern string) (all []map[string]any, err error) {
	t.Helper()
	if err := s.es.Refresh(t.Context(), pattern); err != nil {
		return nil, err
	}
	err = s.es.Documents(t.Context(), pattern, func(d elasticsearch.Document) error {
		var source map[string]any
		if err := json.Unmarshal(d.Source, &source); err != nil {
			return err
		}
		source["_id"], source["_index"] = d.ID, d.Index
		all = append(all, source)
		return nil
	})
	return all, err
}

// count is the number of documents that can be found now.
func (s *stack) count(t *testing.T, pattern string) int {
	t.Helper()
	_ = s.es.Refresh(t.Context(), pattern)
	n, err := s.es.Count(t.Context(), pattern)
	if err != nil {
		return 0
	}
	return n
}

const containerLogs = "logs-kubernetes.container_logs-default"

func TestStackDeliversLogsAndMetricsOfContainers(t *testing.T) {
	s := newStack(t)
	// Every namespace has the label kubernetes.io/metadata.name, which no object mapping could hold
	// beside this one.
	s.cluster.Namespace(t, "shop", `{"team":"web","kubernetes":"yes"}`)
	labels := map[string]any{"app": "web", "app.kubernetes.io/name": "web"}
	s.node.pod(t, plainPod("shop", "web-0", "nginx", labels, nil))
	s.node.pod(t, plainPod("shop", "old-0", "worker", map[string]any{"app": "old"}, nil))
	s.node.pod(t, plainPod("shop", "quiet-0", "quiet", nil, map[string]any{"fluentbit.io/exclude": "true"}))

	web := s.node.file(t, "shop", "web-0", "nginx")
	cri(t, web, "F", `10.1.8.10 - - [07/Jul/2017:16:47:12 0000] "GET /ping HTTP/1.1" 200 68`,
		`10.1.8.10 - - [07/Jul/2017:16:47:12 +0000] "GET /ping HTTP/1.1" 200 68`,
		`10.1.8.11 - - [07/Jul/2017:16:47:13 +0000] "POST /api/v2/cart?id=1 HTTP/1.1" 503 -`)
	cri(t, web, "P", `{"level":"error","msg":"a line that the runtime `)
	cri(t, web, "F", `cut in two"}`, "plain words")
	docker(t, s.node.file(t, "shop", "old-0", "worker"), "[WARN] written by Docker", "and one more")
	cri(t, s.node.file(t, "shop", "quiet-0", "quiet"), "F", "nobody is to see this")

	// The agent's own pod, for Prometheus to find, and its own log, which it must not read.
	agent := s.start(t, "DaemonSet", "out-es-agent", t.TempDir())
	s.scrapedPod(t, "DaemonSet", "out-es-agent", "out-es-agent-abcde", map[string]string{"http": port(agent.Metrics), "metrics": s.exporter})
	cri(t, s.node.file(t, "monitoring", "out-es-agent-abcde", "fluent-bit"), "F", "its own log")

	_, example := deploy.Render(t, "kubernetes/examples/myapp")
	myapp := example.Find(t, "Pod", "myapp")
	s.node.pod(t, myapp)
	s.node.sidecar(t, myapp, 3)

	const want = 5 + 2 + 3
	support.Eventually(t, time.Minute, fmt.Sprintf("%d documents are there", want), func() bool { return s.count(t, containerLogs) >= want })

	// The kubelet rotates by renaming.
	if err := os.Rename(web.Name(), web.Name()+".20261123-110000"); err != nil {
		t.Fatal(err)
	}
	cri(t, web, "F", "a last line into the file that was renamed")
	cri(t, s.node.file(t, "shop", "web-0", "nginx"), "F", "a first line into the next file")
	support.Eventually(t, time.Minute, "the lines around the rotation are there", func() bool { return s.count(t, containerLogs) >= want+2 })

	byLog := map[string]map[string]any{}
	all := s.documents(t, containerLogs)
	for _, d := range all {
		byLog[strings.TrimSuffix(deploy.Text(d, "log"), "\n")] = d
	}
	if len(all) != want+2 {
		t.Errorf("%d documents, want %d", len(all), want+2)
	}
	for log, fields := range map[string]map[string]string{
		`10.1.8.10 - - [07/Jul/2017:16:47:12 0000] "GET /ping HTTP/1.1" 200 68`: {"method": "GET", "path": "/ping", "code": "200", "client": "10.1.8.10"},
		`{"level":"error","msg":"a line that the runtime cut in two"}`:          {"level": "error", "stream": "stdout"},
		"[WARN] written by Docker": {"level": "WARN"},
	} {
		for field, value := range fields {
			if got := deploy.Text(byLog[log], field); got != value {
				t.Errorf("%s: %s is %q, want %q", log, field, got, value)
			}
		}
	}
	kubernetes := deploy.At(byLog["plain words"], "kubernetes")
	for field, value := range map[string]string{"pod_name": "web-0", "namespace_name": "shop", "container_name": "nginx", "host": "node-1"} {
		if got := deploy.Text(kubernetes, field); got != value {
			t.Errorf("kubernetes.%s is %q, want %q", field, got, value)
		}
	}
	if deploy.Text(kubernetes, "labels", "app") != "web" || deploy.Text(kubernetes, "labels", "app.kubernetes.io/name") != "web" {
		t.Errorf("the labels are %v", deploy.At(kubernetes, "labels"))
	}
	if namespace := deploy.At(byLog["plain words"], "kubernetes_namespace", "labels", "team"); namespace != "web" {
		t.Errorf("the namespace's label is %v in %v", namespace, byLog["plain words"])
	}
	found := 0
	for _, d := range all {
		if deploy.Text(d, "kubernetes", "pod_name") == "myapp" && deploy.Text(d, "kubernetes", "container_name") == "log" && deploy.Text(d, "path") == "/ping" {
			found++
		}
	}
	if found != 3 {
		t.Errorf("%d lines of myapp's side-car were found, want 3", found)
	}
	if refused := agent.Metric(t, `fluentbit_output_es_go_records_total{name="containers",outcome="dropped"}`); refused != 0 {
		t.Errorf("%v documents were refused", refused)
	}
	s.fields(t, containerLogs, "kubernetes.namespace_name", "kubernetes.pod_name", "level")
	s.prometheus(t)
	agent.Stop(t)
	s.dailyIndices(t)
}

// dailyIndices starts another agent, with components/logstash, on the files that there are now: two
// lines of Docker's, three of myapp's side-car, and the one after the rotation.
func (s *stack) dailyIndices(t *testing.T) {
	t.Helper()
	s.with(t, "kubernetes/components/logstash").start(t, "DaemonSet", "out-es-agent", t.TempDir())
	const pattern, want = "logstash-2*", 6
	support.Eventually(t, time.Minute, fmt.Sprintf("%d documents are in %s", want, pattern), func() bool { return s.count(t, pattern) == want })
	for _, d := range s.documents(t, pattern) {
		day, _, _ := strings.Cut(deploy.Text(d, "@timestamp"), "T")
		if index := "logstash-" + strings.ReplaceAll(day, "-", "."); d["_index"] != index || deploy.Text(d, "kubernetes", "pod_name") == "" {
			t.Errorf("a document of %s, to be in %s, is in %v: %v", day, index, d["_index"], d)
		}
	}
}

// with is the same servers with further components of deploy/.
func (s *stack) with(t *testing.T, components ...string) *stack {
	t.Helper()
	other := *s
	other.objects, other.exporter = deploy.RenderWith(t, "kubernetes/overlays/development", components...), support.FreePort(t)
	return &other
}

// fields checks that the dashboard's fields can be counted by.
func (s *stack) fields(t *testing.T, pattern string, fields ...string) {
	t.Helper()
	for _, field := range fields {
		answer, err := s.es.Do(t.Context(), "POST", "/"+pattern+"/_search?size=0", fmt.Appendf(nil, `{"aggs":{"by":{"terms":{"field":%q}}}}`, field))
		if err != nil || !strings.Contains(string(answer), `"doc_count"`) {
			t.Errorf("%s can't be counted by: %v %s", field, err, answer)
		}
	}
}

// scrapedPod creates the pod of a workload as the controllers would, with the ports that the test's
// process listens on.
func (s *stack) scrapedPod(t *testing.T, kind, workload, name string, ports map[string]string) {
	t.Helper()
	o := s.objects.Find(t, kind, workload)
	container := deploy.List(o.PodSpec(), "containers")[0].(map[string]any)
	for _, p := range deploy.List(container, "ports") {
		var number int
		if _, err := fmt.Sscan(ports[deploy.Text(p, "name")], &number); err != nil {
			t.Fatal(err)
		}
		p.(map[string]any)["containerPort"] = number
	}
	o.PodSpec()["nodeName"] = "node-1"
	labels := deploy.At(o, "spec", "template", "metadata", "labels")
	annotations := deploy.At(o, "spec", "template", "metadata", "annotations")
	s.node.pod(t, map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": o.PodSpec(),
		"metadata": map[string]any{"namespace": "monitoring", "name": name, "labels": labels, "annotations": annotations}})
}

func port(address string) string {
	u, _ := url.Parse(address)
	return u.Port()
}

// prometheus runs a real one with the configuration of deploy/, which finds the pods by the API
// server, with its own account.
func (s *stack) prometheus(t *testing.T) {
	t.Helper()
	binary := program(t, "prometheus")
	dir := s.objects.WriteConfigMap(t, "prometheus-logging-config")
	file := filepath.Join(dir, "prometheus.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(s.cluster.TokenFile(t, "prometheus-logging"))
	if err != nil {
		t.Fatal(err)
	}
	// In a pod the API server is found by the environment; here a kubeconfig says it. And a test
	// has no minutes to wait.
	kubeconfig := s.cluster.Kubeconfig(t, string(token))
	outside := strings.NewReplacer("own_namespace: true", "names: [monitoring]", "      - role: pod\n", "      - role: pod\n        kubeconfig_file: "+kubeconfig+"\n", "_interval: 30s", "_interval: 2s").Replace(string(text))
	if strings.Count(outside, kubeconfig) != 2 {
		t.Fatal("prometheus.yml does not look for pods twice")
	}
	write(t, file, outside)
	listen := support.FreePort(t)
	s.cluster.background(t, binary, "--config.file", file, "--storage.tsdb.path", t.TempDir(), "--web.listen-address", "127.0.0.1:"+listen)
	query := func(expression string) string {
		response, err := http.Get("http://127.0.0.1:" + listen + "/api/v1/query?query=" + url.QueryEscape(expression))
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		var answer struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if json.NewDecoder(response.Body).Decode(&answer) != nil || len(answer.Data.Result) != 1 {
			return fmt.Sprintf("%d series", len(answer.Data.Result))
		}
		return fmt.Sprint(answer.Data.Result[0].Value[1])
	}
	for expression, value := range map[string]string{
		`sum(up{job="out-es",pod="out-es-agent-abcde",node="node-1"})`:                                                       "2",
		`sum(web_access_requests_total{namespace_name="shop",container_name="nginx",method="GET",path="/ping",code="200"})`:  "2",
		`sum(web_access_requests_total{namespace_name="shop",container_name="nginx",method="POST",path="/api",code="503"})`:  "1",
		`sum(web_access_requests_total{namespace_name="default",container_name="log",method="GET",path="/ping",code="200"})`: "3",
		`fluentbit_output_es_go_records_total{job="out-es",name="containers",outcome="accepted"}`:                            "12",
		`count(ALERTS{alertstate="firing"}) or vector(0)`:                                                                    "0",
	} {
		var got string
		for end := time.Now().Add(time.Minute); got != value && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
			got = query(expression)
		}
		if got != value {
			t.Errorf("Prometheus says %s for %s, want %s", got, expression, value)
		}
	}
}

func TestStackDeliversEachEventOnce(t *testing.T) {
	s := newStack(t)
	now := time.Now().UTC().Format(time.RFC3339)
	// Repeats for two days: only its creation and its count say so.
	event := func(name, reason string, count int) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Event","metadata":{"name":%q,"namespace":"default"},"type":"Warning","reason":%q,"message":"it happens",
			"involvedObject":{"kind":"Pod","namespace":"default","name":"web-0"},"count":%d,"firstTimestamp":%q,"lastTimestamp":%q,"source":{"component":"kubelet"}}`,
			name, reason, count, now, now)
	}
	long := time.Now().Add(-48 * time.Hour).UTC().Format(time.RFC3339)
	s.cluster.Kubectl(t, event("web-0.a", "BackOff", 1), "create", "-f", "-")
	s.cluster.Kubectl(t, strings.ReplaceAll(event("web-0.c", "Unhealthy", 900), now, long), "create", "-f", "-")
	var many []string
	for i := range 700 { // more than one page of the list
		many = append(many, event(fmt.Sprintf("many.%03d", i), "Scheduled", 1))
	}
	s.cluster.Kubectl(t, `{"apiVersion":"v1","kind":"List","items":[`+strings.Join(many, ",")+`]}`, "create", "-f", "-")

	state := t.TempDir()
	collector := s.start(t, "Deployment", "out-es-events", state)
	const before = 702
	support.Eventually(t, time.Minute, "the events of before are there", func() bool { return s.count(t, "heapster-*") == before })
	for count := 2; count <= 3; count++ {
		s.cluster.Kubectl(t, "", "-n", "default", "patch", "event", "web-0.a", "--type=merge", "-p", fmt.Sprintf(`{"count":%d}`, count))
	}
	s.cluster.Kubectl(t, event("web-0.b", "Killing", 1), "create", "-f", "-")
	const after = before + 3
	support.Eventually(t, time.Minute, "the later ones are there", func() bool { return s.count(t, "heapster-*") == after })

	// A restart that has lost its volume reads everything again.
	collector.Stop(t)
	collector = s.start(t, "Deployment", "out-es-events", t.TempDir())
	again := `fluentbit_output_es_go_records_total{name="events",outcome="deduplicated"}`
	// The server has the last count of each only.
	support.Eventually(t, time.Minute, "all are told a second time", func() bool { return collector.Metric(t, again) == after-2 })
	all := s.documents(t, "heapster-*")
	if len(all) != after {
		t.Errorf("%d documents after the restart, want %d", len(all), after)
	}
	counts := map[float64]int{}
	for _, d := range all {
		if deploy.Text(d, "metadata", "name") == "web-0.a" {
			counts[d["count"].(float64)]++
		}
		if deploy.At(d, "metadata", "managedFields") != nil {
			t.Fatal("managedFields is in a document")
		}
		if id := deploy.Text(d, "metadata", "uid") + "-" + deploy.Text(d, "metadata", "resourceVersion"); d["_id"] != id {
			t.Fatalf("the id of %s is %v", id, d["_id"])
		}
	}
	if len(counts) != 3 || counts[1] != 1 || counts[2] != 1 || counts[3] != 1 {
		t.Errorf("the counts of the event that repeats are %v, want 1, 2 and 3, once each", counts)
	}
	if n, err := s.es.Count(t.Context(), "heapster-events"); err != nil || n != after {
		t.Errorf("the alias heapster-events has %d documents, %v", n, err)
	}
	s.fields(t, "heapster-*", "reason", "type")
	collector.Stop(t)
	s.eventsInADataStream(t, after-2)
}

// eventsInADataStream starts another collector, with components/events-data-stream: each of the
// server's events is there once, and with its id.
func (s *stack) eventsInADataStream(t *testing.T, want int) {
	t.Helper()
	s.with(t, "kubernetes/components/events-data-stream").start(t, "Deployment", "out-es-events", t.TempDir())
	const stream = "logs-kubernetes.events-default"
	support.Eventually(t, time.Minute, fmt.Sprintf("%d documents are in %s", want, stream), func() bool { return s.count(t, stream) == want })
	for _, d := range s.documents(t, stream) {
		id := deploy.Text(d, "metadata", "uid") + "-" + deploy.Text(d, "metadata", "resourceVersion")
		if index, _ := d["_index"].(string); d["_id"] != id || !strings.HasPrefix(index, ".ds-"+stream) {
			t.Fatalf("the document %v is in %s, and its event's id is %s", d["_id"], index, id)
		}
	}
	s.fields(t, stream, "reason", "type")
}

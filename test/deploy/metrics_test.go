package deploy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// sample is one access line in the form of 2017, with a zone without a sign, and in today's. Both
// count as one request each.
const sample = `10.1.8.10 - - [07/Jul/2017:16:47:12 0000] "GET /ping HTTP/1.1" 200 68
10.1.8.10 - - [07/Jul/2017:16:47:12 +0000] "GET /ping HTTP/1.1" 200 68
`

// further has lines that aren't counted, and lines that end in a class of paths.
const further = `203.0.113.32 - - [07/Jul/2017:16:30:03 +0000] "\x16\x03\x01\x02\x00" 400 150 "-" "-"
not an access line: 10.1.8.10 - - [07/Jul/2017:16:47:12 +0000] "GET /ping HTTP/1.1" 200 68
2001:db8::1 - alice [07/Jul/2017:16:30:03 +0000] "POST /api/v2/search?q=tea HTTP/2.0" 503 - "-" "curl"
`

// counted are the series that each way has to come to: client, method, path, code, and the number.
var counted = map[[4]string]string{
	{"10.1.8.10", "GET", "/ping", "200"}:   "2",
	{"2001:db8::1", "POST", "/api", "503"}: "1",
}

// label reads one label of a line of Prometheus' text format.
func label(line, name string) string {
	match := regexp.MustCompile(`[{,]` + name + `="([^"]*)"`).FindStringSubmatch(line)
	if match == nil {
		return ""
	}
	return match[1]
}

// series reads the counter from Prometheus' text format.
func series(text string) map[[4]string]string {
	got := map[[4]string]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "web_access_requests_total{") {
			key := [4]string{label(line, "client"), label(line, "method"), label(line, "path"), label(line, "code")}
			got[key] = strings.TrimSpace(line[strings.LastIndex(line, "}")+1:])
		}
	}
	return got
}

func compareSeries(t *testing.T, way string, got map[[4]string]string) {
	t.Helper()
	for key, n := range counted {
		if got[key] != n {
			t.Errorf("%s counts %q for %q, want %s", way, got[key], key, n)
		}
	}
	if len(got) != len(counted) {
		t.Errorf("%s has the series %q, want %d", way, got, len(counted))
	}
}

// TestAccessLinesByFluentBit runs the agent's own configuration on a container's log file.
func TestAccessLinesByFluentBit(t *testing.T) {
	so := plugin(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	given := nodeless(t, objects)
	given["ACCESS_BY_CLIENT"] = "on"
	file := filepath.Join(given["HOST_LOG"], "containers", "web-0_shop_web-"+strings.Repeat("a", 64)+".log")
	var log strings.Builder
	for line := range strings.Lines(sample + further) {
		log.WriteString("2026-11-23T11:00:00.000000001Z stdout F " + line)
	}
	if err := os.WriteFile(file, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := objects.WriteConfigMap(t, "out-es-agent")
	fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)...)
	var got map[[4]string]string
	for end := time.Now().Add(30 * time.Second); len(got) < len(counted) && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		got = series(scrape("http://127.0.0.1:" + given["EXPORTER_PORT"] + "/metrics"))
	}
	compareSeries(t, "log_to_metrics", got)
}

// TestAccessLinesCantFloodTheAgent: one container writes 60,000 lines of which no two are
// alike, and every one is counted in a bounded number of series, beside those of a neighbour.
func TestAccessLinesCantFloodTheAgent(t *testing.T) {
	so := plugin(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	for _, c := range []struct {
		byClient string
		most     int // series of the container: classes of paths × codes, or its bound and the one for the rest
	}{{"off", 6}, {"on", 201}} {
		t.Run("by client "+c.byClient, func(t *testing.T) {
			given := nodeless(t, objects)
			given["ACCESS_BY_CLIENT"] = c.byClient
			const lines = 60000
			write := func(container string, lines int) {
				var log strings.Builder
				for n := range lines {
					fmt.Fprintf(&log, "2026-11-23T11:00:00.000000001Z stdout F 10.%d.%d.%d - - [07/Jul/2017:16:47:12 +0000] \"GET /%d HTTP/1.1\" %d 68\n", n>>16, n>>8&255, n&255, n, 200+n%5)
				}
				name := container + "-0_shop_" + container + "-" + strings.Repeat("a", 64) + ".log"
				if err := os.WriteFile(filepath.Join(given["HOST_LOG"], "containers", name), []byte(log.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("flood", lines)
			dir := objects.WriteConfigMap(t, "out-es-agent")
			agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)...)
			counts := func(container string) (series, requests int) {
				for line := range strings.Lines(scrape("http://127.0.0.1:" + given["EXPORTER_PORT"] + "/metrics")) {
					if strings.HasPrefix(line, "web_access_requests_total{") && label(line, "container_name") == container {
						n, _ := strconv.Atoi(strings.TrimSpace(line[strings.LastIndex(line, "}")+1:]))
						series, requests = series+1, requests+n
					}
				}
				return series, requests
			}
			support.Eventually(t, time.Minute, "each line is counted", func() bool { _, n := counts("flood"); return n == lines })
			write("quiet", 5)
			support.Eventually(t, time.Minute, "a neighbour is counted, too", func() bool { _, n := counts("quiet"); return n == 5 })
			if series, _ := counts("flood"); series > c.most {
				t.Errorf("the container that floods has %d series, more than %d", series, c.most)
			}
			if series, _ := counts("quiet"); series != 5 {
				t.Errorf("its neighbour has %d series, want 5", series)
			}
			resident := residentMB(t, agent.PID())
			t.Logf("%d MB resident after %d different lines", resident, lines)
			if resident > 80 {
				t.Errorf("the agent has %d MB, as if each line were a series", resident)
			}
		})
	}
}

// residentMB is field 2 of /proc/PID/statm.
func residentMB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize() >> 20
}

func scrape(url string) string {
	response, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

func TestAccessLinesByMtail(t *testing.T) {
	mtail, err := exec.LookPath("mtail")
	if err != nil {
		t.Skip("mtail is missing (Debian, Ubuntu: apt-get install mtail)")
	}
	_, objects := Render(t, "metrics/mtail")
	log := filepath.Join(t.TempDir(), "myapp.log")
	if err := os.WriteFile(log, []byte(sample+further), 0o600); err != nil {
		t.Fatal(err)
	}
	out := Run(t, nil, mtail, "--one_shot", "--one_shot_format=prometheus", "--progs", objects.WriteConfigMap(t, "myapp-mtail"), "--logs", log)
	compareSeries(t, "mtail", series(string(out)))
}

// TestAccessLinesByGrokExporter tests the pattern, not grok_exporter, which no package registry
// has: it expands the grok patterns as grok_exporter does, and matches the result line by line.
func TestAccessLinesByGrokExporter(t *testing.T) {
	_, objects := Render(t, "metrics/grok_exporter")
	text, err := os.ReadFile(filepath.Join(objects.WriteConfigMap(t, "myapp-grok-exporter"), "config.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Patterns []string `yaml:"grok_patterns"`
		Metrics  []struct {
			Name, Match string
			Labels      map[string]string
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	patterns := map[string]string{}
	for _, line := range config.Patterns {
		name, expression, _ := strings.Cut(line, " ")
		patterns[name] = expression
	}
	metric := config.Metrics[0]
	expression := regexp.MustCompile(`%\{(\w+):(\w+)\}`).ReplaceAllStringFunc(metric.Match, func(use string) string {
		name, field, _ := strings.Cut(strings.Trim(use, "%{}"), ":")
		if patterns[name] == "" {
			t.Fatalf("the pattern %s is not in the file", name)
		}
		return "(?P<" + field + ">" + patterns[name] + ")"
	})
	compiled := regexp.MustCompile(expression)
	number := map[[4]string]int{}
	for line := range strings.Lines(sample + further) {
		if match := compiled.FindStringSubmatch(strings.TrimSuffix(line, "\n")); match != nil {
			var key [4]string
			for i, name := range []string{"client", "method", "path", "code"} {
				if metric.Labels[name] != "{{."+name+"}}" {
					t.Fatalf("the label %s is %q", name, metric.Labels[name])
				}
				key[i] = match[compiled.SubexpIndex(name)]
			}
			number[key]++
		}
	}
	got := map[[4]string]string{}
	for key, n := range number {
		got[key] = string(rune('0' + n))
	}
	if metric.Name != "web_access_requests_total" {
		t.Errorf("the metric is called %s", metric.Name)
	}
	compareSeries(t, "grok_exporter's pattern", got)
}

func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is missing (Debian, Ubuntu: apt-get install prometheus)")
	}
	return path
}

func TestAlertRules(t *testing.T) {
	command := exec.CommandContext(t.Context(), promtool(t), "test", "rules", "rules_test.yml")
	command.Dir = Folder("metrics")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// discovery is missing in Debian's Prometheus; `make e2e-kubernetes` has one with it.
var discovery = regexp.MustCompile(`(?m)^    kubernetes_sd_configs:\n(?:      .*\n)+`)

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	program := promtool(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	dir := objects.WriteConfigMap(t, "prometheus-logging-config")
	file := filepath.Join(dir, "prometheus.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	replaced := discovery.ReplaceAll(text, []byte("    file_sd_configs:\n      - files: [none.yml]\n"))
	if string(replaced) == string(text) {
		t.Fatal("there is no discovery to replace")
	}
	if err := os.WriteFile(file, replaced, 0o600); err != nil {
		t.Fatal(err)
	}
	Run(t, nil, program, "check", "config", file)
}

// TestRulesAndDashboardKnowTheMetrics: a metric that the agent doesn't have would leave a panel
// empty and an alert silent for ever.
func TestRulesAndDashboardKnowTheMetrics(t *testing.T) {
	so := plugin(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	dir := objects.WriteConfigMap(t, "out-es-agent")
	agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), nodeless(t, objects))...)
	names := regexp.MustCompile(`fluentbit_[a-z_]+`)
	var there string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if there, _ = agent.Scrape(t.Context()); strings.Contains(there, "fluentbit_storage_fs_chunks ") && strings.Contains(there, "es_go_records_total{") {
			break
		}
	}
	for _, file := range []string{"metrics/rules.yml", "metrics/grafana/out-es.json"} {
		text, err := os.ReadFile(Folder(file))
		if err != nil {
			t.Fatal(err)
		}
		found := names.FindAllString(string(text), -1)
		if len(found) < 5 {
			t.Fatalf("%s names %d metrics", file, len(found))
		}
		for _, name := range found {
			// A histogram without an observation has no series, but its type is there.
			if !strings.Contains(there, "\n"+name+"{") && !strings.Contains(there, "\n"+name+" ") && !strings.HasSuffix(name, "_duration_seconds_bucket") {
				t.Errorf("%s names %s, which the agent does not have", file, name)
			}
		}
	}
}

// TestPrometheusRuleIsRulesYML: the operator's object has the rules that promtool tests.
func TestPrometheusRuleIsRulesYML(t *testing.T) {
	text, err := os.ReadFile(Folder("metrics/rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	object := RenderWith(t, "kubernetes/overlays/external", "kubernetes/components/prometheus-operator").Find(t, "PrometheusRule", "out-es")
	if !reflect.DeepEqual(At(object, "spec", "groups"), At(rules[0], "groups")) {
		t.Error("components/prometheus-operator/rules.yaml is not metrics/rules.yml under spec, indented by two: copy it")
	}
}

// TestPodMonitorNamesWhatTheRulesAskFor: the labels of prometheus.yml equal those of the
// PodMonitor, whose job would be its own name.
func TestPodMonitorNamesWhatTheRulesAskFor(t *testing.T) {
	_, objects := Render(t, "kubernetes/overlays/kube-prometheus")
	monitor := objects.Find(t, "PodMonitor", "out-es")
	agent := objects.Find(t, "DaemonSet", "out-es-agent")
	if !matches(At(monitor, "spec", "selector"), podLabels(agent)) || !matches(At(monitor, "spec", "selector"), podLabels(objects.Find(t, "Deployment", "out-es-events"))) {
		t.Error("the PodMonitor does not select agent and collector")
	}
	paths := map[string]string{"http": "/api/v2/metrics/prometheus", "metrics": "/metrics"}
	for _, endpoint := range List(monitor, "spec", "podMetricsEndpoints") {
		if path := Text(endpoint, "path"); path != paths[Text(endpoint, "port")] {
			t.Errorf("port %s is scraped at %s", Text(endpoint, "port"), path)
		}
		labels := map[string]string{}
		for _, relabel := range List(endpoint, "relabelings") {
			labels[Text(relabel, "targetLabel")] = Text(relabel, "replacement") + Text(relabel, "sourceLabels", 0)
		}
		want := map[string]string{"job": "out-es", "node": "__meta_kubernetes_pod_node_name", "component": "__meta_kubernetes_pod_label_app_kubernetes_io_component"}
		if !reflect.DeepEqual(labels, want) {
			t.Errorf("port %s: labels are %v, want %v", Text(endpoint, "port"), labels, want)
		}
	}
}

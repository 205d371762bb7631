package documents

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/host"
	"out_es/test/support"
)

// readyTemplate is one of deploy/templates, for other indices than its own: tests share a server.
func readyTemplate(t *testing.T, s *elasticsearch.Server, name, pattern string) (file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "templates", e2e.Family(t, s), name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	whole["index_patterns"] = []string{pattern}
	return templateFile(t, whole)
}

func templateFile(t *testing.T, whole map[string]any) string {
	t.Helper()
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "template.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// uniqueName is a name for templates and data streams of this test alone.
func uniqueName(t *testing.T, s *elasticsearch.Server) string {
	t.Helper()
	name := strings.ReplaceAll(e2e.FreshIndex(t, s), "-", "")
	name = name[max(0, len(name)-40):]
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, path := range []string{"/_data_stream/", "/_index_template/", "/_component_template/"} { // Elasticsearch's embedded ones can't do the first
			_, _ = s.Do(ctx, http.MethodDelete, path+name+"*", nil)
		}
	})
	return name
}

// podRecords are like those of the Kubernetes filter, of pods with labels that contradict each
// other in one object mapping, and with values that change their type.
func podRecords() []string {
	long := strings.Repeat("x", 40<<10)
	return []string{
		`{"n":0,"log":"a","kubernetes":{"pod_name":"a","labels":{"app":"web","pod-template-hash":"1"},"annotations":{"a":"b"}}}`,
		`{"n":1,"log":"b","kubernetes":{"pod_name":"b","labels":{"app":"web","app.kubernetes.io/name":"web","app.kubernetes.io/part-of":"shop"}}}`,
		`{"n":2,"log":"c","kubernetes":{"pod_name":"c","labels":{"app.kubernetes.io/name":"db"},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"` + long + `"}}}`,
		`{"n":3,"log":"d","kubernetes":{"labels":null,"annotations":{"checksum/config":"1","checksum":"2"}}}`,
		`{"n":4,"size":12}`,
		`{"n":5,"size":"twelve"}`,
	}
}

func podChunk(t *testing.T) []byte {
	t.Helper()
	chunks, err := host.Chunks(host.Nested, e2e.TimeOf(0), podRecords()...)
	if err != nil {
		t.Fatal(err)
	}
	return chunks[0].Bytes
}

// TestMatrixReadyTemplates installs the templates of deploy/ by the plugin and sends documents that
// conflict without them.
func TestMatrixReadyTemplates(t *testing.T) {
	s := e2e.Cluster(t)
	for _, c := range []struct{ name, pattern string }{{"logs-es_go", "%s-*-*"}, {"logstash-es_go", "%s-*"}} {
		t.Run(c.name, func(t *testing.T) {
			prefix := uniqueName(t, s)
			options := []string{
				"Hosts " + s.URL(), "On_Rejection retry", "Template_Name " + prefix,
				"Template_File " + readyTemplate(t, s, c.name, fmt.Sprintf(c.pattern, prefix)),
			}
			if c.name == "logs-es_go" {
				options = append(options, "Data_Stream on", "Data_Stream_Type "+prefix)
			} else {
				options = append(options, "Logstash_Format on", "Logstash_Prefix "+prefix)
			}
			h, log := e2e.StartHost(t, host.Options{})
			o := e2e.Output(t, h, 1, options...)
			e2e.Flush(t, o, "kube", podChunk(t), host.OK)
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			support.Eventually(t, time.Minute, "the log tells it", func() bool {
				return strings.Contains(log.String(), "the index template "+prefix+" was installed")
			})
			indices := prefix + "*"
			if c.name == "logs-es_go" {
				indices = ".ds-" + prefix + "*"
			}
			if got := e2e.Documents(t, s, indices); len(got) != len(podRecords()) {
				t.Errorf("%d documents, want %d", len(got), len(podRecords()))
			}
			for query, want := range map[string]int{
				"kubernetes.labels.app:web": 2, `kubernetes.labels.app.kubernetes.io\/name:web`: 1, "size:12": 1, "kubernetes.pod_name:c": 1,
			} {
				if got := matches(t, s, indices, query); got != want {
					t.Errorf("%s finds %d documents, want %d", query, got, want)
				}
			}
		})
	}
}

// matches is the number of documents that a query of the search box finds.
func matches(t *testing.T, s *elasticsearch.Server, indices, query string) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": map[string]any{"query_string": map[string]any{"query": query}}})
	if err != nil {
		t.Fatal(err)
	}
	hits, err := s.Search(t.Context(), indices, string(body))
	if err != nil {
		t.Fatal(err)
	}
	return len(hits)
}

// TestMatrixTemplatesStandBetweenOthers: Elasticsearch's own template for
// logs-*-* has priority 100, those of integrations have 200.
func TestMatrixTemplatesStandBetweenOthers(t *testing.T) {
	s := e2e.Cluster(t)
	prefix := uniqueName(t, s)
	other := func(name, pattern string, priority int) {
		body := fmt.Sprintf(`{"index_patterns":[%q],"priority":%d,"data_stream":{},"template":{"mappings":{"_meta":{"by":%q}}}}`, pattern, priority, name)
		if err := s.PutTemplate(t.Context(), prefix+name, body); err != nil {
			t.Fatal(err)
		}
	}
	other("builtin", prefix+"-*-*", 100)
	other("integration", prefix+"-nginx.access-*", 200)
	h, _ := e2e.StartHost(t, host.Options{})
	for dataset, labels := range map[string]bool{"generic": true, "nginx.access": false} {
		o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Data_Stream on", "Data_Stream_Type "+prefix, "Data_Stream_Dataset "+dataset,
			"Template_Name "+prefix, "Template_File "+readyTemplate(t, s, "logs-es_go", prefix+"-*-*"))
		e2e.Flush(t, o, "kube", e2e.ChunkOf(t, host.Nested, 0, 1), host.OK)
		mapping, err := s.Do(t.Context(), http.MethodGet, "/.ds-"+prefix+"-"+dataset+"-*/_mapping", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(mapping), `"labels":{"type":"flat`); got != labels {
			t.Errorf("%s: our mapping holds: %v, want %v\n%s", dataset, got, labels, mapping)
		}
	}
}

// guarded is a proxy before the server that answers some requests itself.
func guarded(t *testing.T, s *elasticsearch.Server, answer func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestMatrixTemplateThatMayNotBeInstalled: documents flow, and one error names the reason why there
// is no template.
func TestMatrixTemplateThatMayNotBeInstalled(t *testing.T) {
	s := e2e.Cluster(t)
	for name, c := range map[string]struct {
		file  string
		guard func(http.ResponseWriter, *http.Request) bool
		says  string
	}{
		"403": {templateFile(t, map[string]any{"index_patterns": []string{"x*"}}), func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "_bulk") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"type":"security_exception","reason":"action [indices:admin/index_template/get] is unauthorized"},"status":403}`)
			return true
		}, "manage_index_templates"},
		"refused": {templateFile(t, map[string]any{"index_patterns": []string{"x*"}, "template": map[string]any{
			"mappings": map[string]any{"properties": map[string]any{"a": map[string]any{"type": "nosuchtype"}}}}}),
			func(http.ResponseWriter, *http.Request) bool { return false }, "correct Template_File"},
	} {
		t.Run(name, func(t *testing.T) {
			index := e2e.FreshIndex(t, s)
			h, log := e2e.StartHost(t, host.Options{})
			o := e2e.Output(t, h, 2, "Hosts "+guarded(t, s, c.guard), "Index "+index, "Template_Name "+uniqueName(t, s), "Template_File "+c.file)
			for i := range 3 {
				e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, i*10, 10), host.OK)
			}
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			support.Eventually(t, time.Minute, "the log has an error", func() bool { return strings.Contains(log.String(), c.says) })
			if n := strings.Count(log.String(), "was not installed"); n != 1 {
				t.Errorf("%d errors, want 1", n)
			}
			e2e.EventuallyCount(t, s, index, 30)
		})
	}
}

// TestMatrixTemplateComesBeforeTheFirstDocument: the cluster is unavailable when the plugin starts,
// and returns in two steps.
func TestMatrixTemplateComesBeforeTheFirstDocument(t *testing.T) {
	s := e2e.Cluster(t)
	prefix := uniqueName(t, s)
	var away, early atomic.Int32
	away.Store(1)
	address := guarded(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if away.Load() == 1 {
			if strings.HasSuffix(r.URL.Path, "_bulk") {
				early.Add(1)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	h, _ := e2e.StartHost(t, host.Options{})
	o := e2e.Output(t, h, 2, "Hosts "+address, "Index "+prefix+"-a", "Template_Name "+prefix, "Retry_Initial 10ms", "Retry_Max 50ms", "Retry_Budget 200ms",
		"Template_File "+readyTemplate(t, s, "logstash-es_go", prefix+"-*"))
	e2e.Flush(t, o, "kube", podChunk(t), host.RETRY)
	away.Store(0)
	support.Eventually(t, time.Minute, "the chunk is delivered", func() bool {
		code, err := o.Flush(t.Context(), "kube", podChunk(t))
		return err == nil && code == host.OK
	})
	if early.Load() > 0 {
		t.Errorf("%d bulk requests were sent before the template", early.Load())
	}
	if got := e2e.Documents(t, s, prefix+"*"); len(got) != len(podRecords()) {
		t.Errorf("%d documents, want %d", len(got), len(podRecords()))
	}
}

// TestMatrixTemplateOverwrite: a change of the file is installed by the next
// start where Template_Overwrite is on, and only there.
func TestMatrixTemplateOverwrite(t *testing.T) {
	s := e2e.Cluster(t)
	name := uniqueName(t, s)
	h, log := e2e.StartHost(t, host.Options{})
	install := func(version int, overwrite, component string) string {
		t.Helper()
		whole := map[string]any{"template": map[string]any{"settings": map[string]any{"index.number_of_replicas": 0}}, "version": version}
		api := "_component_template"
		if component == "" {
			whole["index_patterns"] = []string{name + "-x"}
			api = "_index_template"
		}
		before := len(log.String())
		o := e2e.Output(t, h, 1, "Hosts "+s.URL(), "Index "+name+"-y", "Template_Name "+name, "Template_File "+templateFile(t, whole), "Template_Overwrite "+overwrite)
		e2e.Flush(t, o, "a", e2e.ChunkOf(t, host.Nested, version, 1), host.OK)
		if err := o.Exit(); err != nil {
			t.Fatal(err)
		}
		answer, err := s.Do(t.Context(), http.MethodGet, "/"+api+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(log.String()[before:], "\n") {
			if strings.Contains(line, "template "+name) {
				t.Log(line)
			}
		}
		return string(answer)
	}
	for _, kind := range []string{"", "component"} {
		for i, c := range []struct {
			version   int
			overwrite string
			holds     int
		}{{1, "off", 1}, {2, "off", 1}, {2, "on", 2}, {2, "on", 2}, {3, "off", 2}, {4, "on", 4}} {
			if got := install(c.version, c.overwrite, kind); !strings.Contains(got, fmt.Sprintf(`"version":%d`, c.holds)) {
				t.Fatalf("%s step %d: want version %d: %s", kind, i, c.holds, got)
			}
		}
	}
}

// TestMatrixTemplateOfAFleet: agents that start in one instant install it once, in any order of
// events.
func TestMatrixTemplateOfAFleet(t *testing.T) {
	s := e2e.Cluster(t)
	name := uniqueName(t, s)
	var looks, puts atomic.Int32
	address := guarded(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case !strings.Contains(r.URL.Path, "_index_template"):
		case r.Method == http.MethodPut:
			puts.Add(1)
		default:
			looks.Add(1)
		}
		return false
	})
	h, log := e2e.StartHost(t, host.Options{})
	file := templateFile(t, map[string]any{"index_patterns": []string{name + "-x"}})
	const agents = 40
	done := make(chan error, agents)
	for i := range agents {
		o := e2e.Output(t, h, 1, "Hosts "+address, "Index "+name+"-y", "Template_Name "+name, "Template_File "+file)
		chunk := e2e.ChunkOf(t, host.Nested, i, 1)
		go func() {
			code, err := o.Flush(t.Context(), "a", chunk)
			if err == nil && code != host.OK {
				err = fmt.Errorf("the flush answered %v", code)
			}
			done <- err
		}()
	}
	for range agents {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	e2e.EventuallyCount(t, s, name+"-y", agents)
	t.Logf("%d agents: %d looks, %d installations", agents, looks.Load(), puts.Load())
	if puts.Load() > agents/2 || looks.Load() > 3*agents || strings.Contains(log.String(), "was not installed") {
		t.Errorf("%d looks, %d installations for %d agents", looks.Load(), puts.Load(), agents)
	}
}

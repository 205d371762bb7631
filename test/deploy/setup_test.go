package deploy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// setUp runs the job's own script with the files that it would have, as often as told, and returns
// its output.
func setUp(t *testing.T, url string, environment ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing (Debian, Ubuntu: apt-get install curl)")
	}
	_, objects := Render(t, "kubernetes/overlays/development")
	dir := objects.WriteConfigMap(t, "out-es-set-up")
	command := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "set-up.sh"))
	command.Env = append(append(os.Environ(), "ES_HOSTS="+url, "PATIENCE=60", "SET_UP="+dir, "TEMPLATES="+objects.WriteConfigMap(t, "out-es-templates"),
		"KIBANA_FILES="+objects.WriteConfigMap(t, "out-es-kibana")), environment...)
	out, err := command.CombinedOutput()
	return string(out), err
}

// TestSetUpMakesElasticsearchReady runs it twice against each real server: the second run must
// change nothing.
func TestSetUpMakesElasticsearchReady(t *testing.T) {
	support.LongForm(t)
	for _, family := range []struct{ name, version, retention string }{
		{"elasticsearch", elasticsearch.DefaultVersion, `"data_retention":"7d"`}, {"elasticsearch", "8.19.21", `"data_retention":"7d"`},
		{"elasticsearch7", "7.17.29", ""}, {"opensearch", "3.8.0", ""}, {"opensearch", "2.19.1", ""},
	} {
		t.Run(family.name+" "+family.version, func(t *testing.T) {
			if os.Getenv("ES_URL") != "" {
				t.Skip("ES_URL is set: this test is about servers that it starts")
			}
			s := elasticsearch.ForTest(t, elasticsearch.Options{Version: family.version})
			setUpTwice(t, s, family.name, family.retention)
			if family.name == "opensearch" {
				deletedAfterRollover(t, s, "logs-kubernetes.node-default")
			}
		})
	}
}

// deletedAfterRollover does by hand what the state policy of data streams does: an index can be
// deleted when it has been rolled over, and not before.
func deletedAfterRollover(t *testing.T, s *elasticsearch.Server, stream string) {
	t.Helper()
	answer, err := s.Do(t.Context(), "GET", "/_data_stream/"+stream, nil)
	var streams struct {
		Streams []struct {
			Indices []struct {
				Name string `json:"index_name"`
			}
		} `json:"data_streams"`
	}
	if err != nil || json.Unmarshal(answer, &streams) != nil || len(streams.Streams) != 1 || len(streams.Streams[0].Indices) != 1 {
		t.Fatalf("%s is %v, %s", stream, err, answer)
	}
	index := streams.Streams[0].Indices[0].Name
	if _, err := s.Do(t.Context(), "DELETE", "/"+index, nil); err == nil || !strings.Contains(err.Error(), "write index") {
		t.Errorf("the deletion of the write index is answered with %v", err)
	}
	if _, err := s.Do(t.Context(), "POST", "/"+stream+"/_rollover", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), "DELETE", "/"+index, nil); err != nil {
		t.Errorf("after the rollover: %v", err)
	}
}

// setUpTwice checks the objects on a server of a family. There are templates of that family and no
// other, with the retention if the server keeps it in a template; Kibana's objects; an alias for
// every index of events; and a data stream.
func setUpTwice(t *testing.T, s *elasticsearch.Server, family, retention string) {
	t.Helper()
	kibana, imports := fakeKibana(t)
	var answers [2]string
	for i := range answers {
		out, err := setUp(t, s.URL(), "KIBANA_URL="+kibana, "RETENTION=7d")
		if err != nil {
			t.Fatalf("run %d: %v\n%s", i+1, err, out)
		}
		for _, name := range []string{"logs-es_go", "logstash-es_go", "heapster-es_go"} {
			if !strings.Contains(out, "the index template "+name+" for "+family+"\n") {
				t.Errorf("run %d does not tell of %s for %s: %s", i+1, name, family, out)
			}
		}
		answer, err := s.Do(t.Context(), "GET", "/_index_template/*es_go", nil)
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = string(answer)
	}
	if imports.Load() != 2 {
		t.Errorf("Kibana got the saved objects %d times in 2 runs", imports.Load())
	}
	for _, name := range []string{`"logs-es_go"`, `"logs-kubernetes.*-*"`, `"logstash-es_go"`, `"heapster-es_go"`, retention} {
		if !strings.Contains(answers[0], name) {
			t.Errorf("there is no %s in %s", name, answers[0])
		}
	}
	if strings.Contains(answers[0], `"logs-*-*"`) {
		t.Error("the template takes others' data streams, too")
	}
	var first, second any
	if json.Unmarshal([]byte(answers[0]), &first) != nil || json.Unmarshal([]byte(answers[1]), &second) != nil || !reflect.DeepEqual(withoutTimes(first), withoutTimes(second)) {
		t.Errorf("the second run changes the templates from %s to %s", answers[0], answers[1])
	}
	for index, alias := range map[string]string{"heapster-2026.11.23": "heapster-events", "logs-kubernetes.node-default": ".ds-logs-kubernetes.node-default-*"} {
		if _, err := s.Do(t.Context(), "POST", "/"+index+"/_doc?refresh=true&op_type=create", []byte(`{"@timestamp":"2026-11-23T11:00:00Z","reason":"BackOff"}`)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Count(t.Context(), alias); err != nil || n != 1 {
			t.Errorf("%s has %d documents, %v", alias, n, err)
		}
	}
}

// withoutTimes leaves out when a template was made and changed, which newer servers tell.
func withoutTimes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if strings.HasPrefix(key, "created_date") || strings.HasPrefix(key, "modified_date") {
				delete(v, key)
			} else {
				v[key] = withoutTimes(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutTimes(inner)
		}
	}
	return value
}

// fakeKibana stands for the one that can't be started here: it counts the imports that are whole.
func fakeKibana(t *testing.T) (url string, imports *atomic.Int32) {
	t.Helper()
	imports = new(atomic.Int32)
	kibana := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/status":
		case r.URL.Path == "/api/saved_objects/_import" && r.Header.Get("kbn-xsrf") != "" && r.URL.Query().Get("overwrite") == "true":
			file, _, err := r.FormFile("file")
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			text, _ := io.ReadAll(file)
			if want, _ := os.ReadFile(Folder("kibana", "saved-objects.ndjson")); string(text) == string(want) {
				imports.Add(1)
			}
			io.WriteString(w, `{"success":true,"successCount":9}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(kibana.Close)
	return kibana.URL, imports
}

func TestSetUpSaysWhatIsWrong(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you?", http.StatusUnauthorized) }))
	defer refusing.Close()
	for name, c := range map[string]struct{ url, environment, says string }{
		"no address":       {"", "X=", "ES_HOSTS is not set"},
		"odd retention":    {refusing.URL, "RETENTION=forever", `RETENTION "forever" is no number of days`},
		"wrong password":   {refusing.URL, "ELASTIC_PASSWORD=x", "rejects the credentials in ELASTIC_PASSWORD (status 401)"},
		"nobody is there":  {"http://127.0.0.1:9", "PATIENCE=1", "did not answer within 1 s"},
		"quoted passwords": {refusing.URL, `ELASTIC_PASSWORD="`, "rejects the credentials in ELASTIC_PASSWORD (status 401)"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := setUp(t, c.url, c.environment)
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("it ends with %v and says %q, not %q", err, out, c.says)
			}
		})
	}
}

// TestSavedObjectsHangTogether: Kibana can't be started here, so this checks the first checks of an
// import.
func TestSavedObjectsHangTogether(t *testing.T) {
	text, err := os.ReadFile(Folder("kibana", "saved-objects.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		ID, Type   string
		Attributes struct{ Title, PanelsJSON string }
		References []struct{ ID, Type, Name string }
	}
	there := map[string]string{}
	var all []object
	for line := range strings.Lines(string(text)) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		there[o.Type+"/"+o.ID] = o.Attributes.Title
		all = append(all, o)
	}
	for _, o := range all {
		for _, r := range o.References {
			if there[r.Type+"/"+r.ID] == "" {
				t.Errorf("%s %s refers to the %s %s, which is not there", o.Type, o.ID, r.Type, r.ID)
			}
		}
		if o.Type == "dashboard" {
			var panels []struct{ PanelIndex, PanelRefName string }
			if err := json.Unmarshal([]byte(o.Attributes.PanelsJSON), &panels); err != nil || len(panels) != 4 || len(o.References) != 4 {
				t.Errorf("the dashboard has %d panels and %d references, %v", len(panels), len(o.References), err)
			}
			for i, p := range panels {
				if o.References[i].Name != p.PanelIndex+":"+p.PanelRefName {
					t.Errorf("panel %d is called %s:%s and its reference %s", i, p.PanelIndex, p.PanelRefName, o.References[i].Name)
				}
			}
		}
	}
	for _, view := range []string{"logs-*", "logstash-*", "heapster-*"} {
		found := false
		for _, o := range all {
			found = found || o.Type == "index-pattern" && o.Attributes.Title == view
		}
		if !found {
			t.Errorf("there is no data view %s", view)
		}
	}
}

// TestOpenSearchRollsStreamsOverBeforeDeleting: OpenSearch refuses to delete the write index of a
// data stream. The test's server has no state policies, so this checks the request.
func TestOpenSearchRollsStreamsOverBeforeDeleting(t *testing.T) {
	policies := map[string]any{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, found := strings.CutPrefix(r.URL.Path, "/_plugins/_ism/policies/"); found {
			var policy any
			if err := json.NewDecoder(r.Body).Decode(&policy); err != nil {
				t.Errorf("%s is no JSON: %v", name, err)
			}
			policies[name] = policy
		}
		io.WriteString(w, `{"version":{"distribution":"opensearch","number":"3.8.0"}}`)
	}))
	defer server.Close()
	if out, err := setUp(t, server.URL, "RETENTION=7d"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]struct{ pattern, condition, rollover string }{
		"out-es-daily": {"logstash-*", "min_index_age", ""}, "out-es-streams": {"logs-kubernetes.*", "min_rollover_age", "1d"},
	} {
		policy := At(policies[name], "policy")
		state := At(policy, "states", 0)
		if Text(policy, "ism_template", 0, "index_patterns", 0) != want.pattern || Text(policy, "default_state") != Text(state, "name") ||
			Text(state, "actions", 0, "rollover", "min_index_age") != want.rollover || Text(state, "transitions", 0, "conditions", want.condition) != "7d" ||
			At(policy, "states", 1, "actions", 0, "delete") == nil {
			t.Errorf("%s is %v", name, policy)
		}
	}
}

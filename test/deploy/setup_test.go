package deploy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"out_es/test/elasticsearch"
)

// setUp runs the job's own script with the files that it would have, as often as told, and returns its output.
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

// TestSetUpMakesElasticsearchReady runs it twice against the real server of each family.
func TestSetUpMakesElasticsearchReady(t *testing.T) {
	s := elasticsearch.ForTest(t, elasticsearch.Options{})
	var imports atomic.Int32
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
	defer kibana.Close()
	for range 2 {
		if out, err := setUp(t, s.URL(), "KIBANA_URL="+kibana.URL, "RETENTION=7d"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if imports.Load() != 2 {
		t.Errorf("Kibana got the saved objects %d times in 2 runs", imports.Load())
	}
	answer, err := s.Do(t.Context(), "GET", "/_index_template/*es_go", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"logs-es_go", "logstash-es_go", "heapster-es_go", `"data_retention":"7d"`} {
		if !strings.Contains(string(answer), name) {
			t.Errorf("there is no %s in %s", name, answer)
		}
	}
	// The alias is there for whatever index comes.
	if _, err := s.Do(t.Context(), "POST", "/heapster-2026.11.23/_doc?refresh=true", []byte(`{"@timestamp":"2026-11-23T11:00:00Z","reason":"BackOff"}`)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Count(t.Context(), "heapster-events"); err != nil || n != 1 {
		t.Errorf("the alias heapster-events has %d documents, %v", n, err)
	}
}

func TestSetUpSaysWhatIsWrong(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you?", http.StatusUnauthorized) }))
	defer refusing.Close()
	for name, c := range map[string]struct{ url, environment, says string }{
		"no address":       {"", "X=", "ES_HOSTS is not set"},
		"odd retention":    {refusing.URL, "RETENTION=forever", `RETENTION "forever" is no number of days`},
		"wrong password":   {refusing.URL, "ELASTIC_PASSWORD=x", "refuses these credentials (status 401)"},
		"nobody is there":  {"http://127.0.0.1:9", "PATIENCE=1", "did not answer within 1 s"},
		"quoted passwords": {refusing.URL, `ELASTIC_PASSWORD="`, "refuses these credentials (status 401)"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := setUp(t, c.url, c.environment)
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("it ends with %v and says %q, not %q", err, out, c.says)
			}
		})
	}
}

// TestSavedObjectsHangTogether: no Kibana can be started here, so what an import would check first is checked.
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

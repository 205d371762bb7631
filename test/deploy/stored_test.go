package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// storedVariant is a way in which Elasticsearch can keep the documents of a data stream.
type storedVariant struct {
	name     string // and the namespace of its data stream
	settings string // in front of those of the set-up's template
	most     float64
}

// storedVariants are the index modes and codecs of Elasticsearch 9, and the most bytes of a
// document, from which docs/sizing.md calculates. A logsdb without x-pack needs the codec and the
// mode of the source as settings.
var storedVariants = []storedVariant{
	{"standard", ``, 270},
	{"best", `"index.codec": "best_compression",`, 200},
	{"logsdb", `"index.mode": "logsdb", "index.codec": "best_compression", "index.mapping.source.mode": "stored",`, 230},
	{"synthetic", `"index.mode": "logsdb", "index.codec": "best_compression", "index.mapping.source.mode": "synthetic",`, 175},
}

// TestBytesOfADocument measures the capacity of the stack's Elasticsearch: the node agent reads
// 200,000 example lines of forty containers, with all its filters and the pods' metadata, into a
// data stream of each variant, with the set-up's template. After a merge the bytes of the primary
// shard are divided by the number of documents. Without SOAK it is a tenth of the lines, and the
// first variant.
func TestBytesOfADocument(t *testing.T) {
	support.LongForm(t)
	so := plugin(t)
	_, objects := Render(t, "kubernetes/overlays/development")
	s := elasticsearch.ForTest(t, elasticsearch.Options{Heap: "1g", JVM: []string{"-Des.nativelibs.path=" + nativeLibraries(t)}})
	if out, err := setUp(t, s.URL()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	number, variants := 20_000, storedVariants[:1]
	if os.Getenv("SOAK") != "" {
		number, variants = 200_000, storedVariants
	}
	logs, lines := exampleContainers(t, number, 40)
	api := httptest.NewServer(apiServer(filepath.Join(logs, "pods")))
	defer api.Close()
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			v.install(t, s, objects)
			given := nodeless(t, objects)
			given["ES_HOSTS"], given["HOST_LOG"], given["KUBE_URL"], given["DATA_STREAM_NAMESPACE"] = s.URL(), logs, api.URL, v.name
			given["KUBE_TOKEN_FILE"], given["KUBE_CA_FILE"] = filepath.Join(logs, "token"), filepath.Join(logs, "token")
			dir := objects.WriteConfigMap(t, "out-es-agent")
			agent := fluentbit.StartFile(t, so, filepath.Join(dir, "fluent-bit.yaml"), objects.Environment(t, objects.Find(t, "DaemonSet", "out-es-agent"), given)...)
			stream := "logs-kubernetes.container_logs-" + v.name
			support.Eventually(t, 3*time.Minute, fmt.Sprintf("%d documents are in %s", lines, stream), func() bool {
				_ = s.Refresh(t.Context(), stream)
				n, err := s.Count(t.Context(), stream)
				return err == nil && n == lines
			})
			agent.Stop(t)
			stored := storedBytes(t, s, stream)
			t.Logf("%-17s %d documents of %.0f bytes take %.0f bytes each", v.name, lines, sourceBytes(t, s, stream), stored/float64(lines))
			if n := replicas(t, s, stream); n != "1" {
				t.Errorf("there are %s replicas, and docs/sizing.md calculates with 1", n)
			}
			if each := stored / float64(lines); each > v.most {
				t.Errorf("a document takes %.0f bytes, and docs/sizing.md calculates with %.0f", each, v.most)
			}
		})
	}
}

// nativeLibraries makes the folder of native libraries, which Elasticsearch's jars lack, for
// best_compression and logsdb: Debian's zstd, and a stand-in for the vector library that reports no
// usable instructions.
func nativeLibraries(t *testing.T) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	found, _ := filepath.Glob("/usr/lib/*/libzstd.so.1")
	if err != nil || len(found) == 0 {
		t.Skip("a C compiler or libzstd is missing (Debian, Ubuntu: apt-get install gcc libzstd1)")
	}
	folder := t.TempDir()
	if err := os.Symlink(found[0], filepath.Join(folder, "libzstd.so")); err != nil {
		t.Fatal(err)
	}
	Run(t, []byte("int vec_caps(void) { return 0; }\n"), cc, "-shared", "-fPIC", "-x", "c", "-", "-o", filepath.Join(folder, "libvec.so"))
	return folder
}

// install puts the set-up's template for the namespace of the variant's data stream, with the
// variant's settings.
func (v storedVariant) install(t *testing.T, s *elasticsearch.Server, objects Objects) {
	t.Helper()
	replace := func(text, from, to string) string {
		if !strings.Contains(text, from) {
			t.Fatalf("the template has no %s", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	template := Text(objects.Find(t, "ConfigMap", "out-es-templates"), "data", "elasticsearch.logs-es_go.json")
	template = replace(template, `"logs-*-*"`, `"logs-*-`+v.name+`"`)
	template = replace(template, `"priority": 150`, `"priority": 160`)
	template = replace(template, `"settings": {`, `"settings": {`+v.settings)
	if strings.Contains(v.settings, `"logsdb"`) { // x-pack adds this field, by which logsdb sorts
		template = replace(template, `"properties": {`, `"properties": {"host": {"properties": {"name": {"type": "keyword"}}},`)
	}
	if err := s.PutTemplate(t.Context(), "logs-"+v.name, template); err != nil {
		t.Fatal(err)
	}
}

// exampleContainers writes logs as containerd does, those of examples/generate, and returns their
// folder, /var/log of a node, and the number of whole lines.
func exampleContainers(t *testing.T, lines, pods int) (folder string, whole int) {
	t.Helper()
	folder = t.TempDir()
	// Three fifths are of containers, the others of a web server.
	command := exec.CommandContext(t.Context(), "go", "run", "out_es/examples/generate", "-lines", fmt.Sprint(lines*5/3), "-pods", fmt.Sprint(pods), "-out", folder)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(folder, "containers", "*.log"))
	if err != nil || len(files) != pods {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole += bytes.Count(text, []byte(" stdout F ")) + bytes.Count(text, []byte(" stderr F "))
	}
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder, whole
}

// apiServer answers for the pods of a folder, NAMESPACE_POD.meta, and for every namespace.
func apiServer(pods string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		parts := strings.Split(strings.Trim(path.Clean(r.URL.Path), "/"), "/") // api v1 namespaces NAMESPACE pods NAME
		switch len(parts) {
		case 4:
			fmt.Fprintf(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":%q,"labels":{"kubernetes.io/metadata.name":%q}}}`, parts[3], parts[3])
		case 6:
			http.ServeFile(w, r, filepath.Join(pods, parts[3]+"_"+parts[5]+".meta"))
		default:
			http.NotFound(w, r)
		}
	}
}

// storedBytes merges a data stream's shard into one segment and returns its size on the disk,
// without replicas.
func storedBytes(t *testing.T, s *elasticsearch.Server, stream string) float64 {
	t.Helper()
	for _, step := range []string{"_forcemerge?max_num_segments=1", "_flush?force=true"} {
		if _, err := s.Do(t.Context(), "POST", "/"+stream+"/"+step, nil); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := s.Do(t.Context(), "GET", "/"+stream+"/_stats/store", nil)
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		All struct {
			Primaries struct {
				Store struct {
					Bytes float64 `json:"size_in_bytes"`
				}
			}
		} `json:"_all"`
	}
	if err := json.Unmarshal(answer, &stats); err != nil || stats.All.Primaries.Store.Bytes == 0 {
		t.Fatalf("%v: %s", err, answer)
	}
	return stats.All.Primaries.Store.Bytes
}

// sourceBytes is the mean length of the documents as JSON.
func sourceBytes(t *testing.T, s *elasticsearch.Server, stream string) float64 {
	t.Helper()
	sum, documents := 0, 0
	err := s.Documents(t.Context(), stream, func(d elasticsearch.Document) error {
		sum, documents = sum+len(d.Source), documents+1
		return nil
	})
	if err != nil || documents == 0 {
		t.Fatal(documents, err)
	}
	return float64(sum) / float64(documents)
}

// replicas is the number of copies that Elasticsearch makes of a data stream's index beside the
// first.
func replicas(t *testing.T, s *elasticsearch.Server, stream string) string {
	t.Helper()
	answer, err := s.Do(t.Context(), "GET", "/"+stream+"/_settings/index.number_of_replicas?flat_settings=true", nil)
	var indices map[string]struct{ Settings map[string]string }
	if err != nil || json.Unmarshal(answer, &indices) != nil || len(indices) != 1 {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, index := range indices {
		return index.Settings["index.number_of_replicas"]
	}
	return ""
}

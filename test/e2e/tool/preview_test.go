package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/fluentbit"
	"out_es/test/support"
)

// recorder is an Elasticsearch that takes everything and keeps it: action line and document of each
// item.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	items []string
}

func record(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) serve(w http.ResponseWriter, request *http.Request) {
	text, ok := support.ReadBody(w, request)
	if !ok {
		return
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if !strings.HasPrefix(request.URL.Path, "/_bulk") {
		_, _ = io.WriteString(w, `{"version":{"number":"9.5.3"}}`)
		return
	}
	items := pairs(string(text))
	r.mu.Lock()
	r.items = append(r.items, items...)
	r.mu.Unlock()
	fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, len(items)), ","))
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.items)
}

// pairs cuts the lines of a bulk body into items.
func pairs(text string) (all []string) {
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		all = append(all, lines[i]+lines[i+1])
	}
	return all
}

// wantSame compares items, whatever their order.
func wantSame(t *testing.T, previewed string, r *recorder) {
	t.Helper()
	missing := map[string]int{}
	for _, item := range r.items {
		missing[item]++
	}
	var more []string
	for _, item := range pairs(previewed) {
		if missing[item]--; missing[item] < 0 {
			more = append(more, item)
		}
	}
	var less []string
	for item, n := range missing {
		if n > 0 {
			less = append(less, item)
		}
	}
	if len(more)+len(less) > 0 {
		t.Fatalf("%d items are not what the server received, such as\n%s; it received %d that preview has not, such as\n%s", len(more), first(more), len(less), first(less))
	}
	t.Logf("%d items are the same to the byte", len(r.items))
}

// first is the first of some items by the time at their end.
func first(items []string) string {
	if len(items) == 0 {
		return "(none)"
	}
	return slices.MinFunc(items, func(a, b string) int { return strings.Compare(at(a), at(b)) })
}

func at(item string) string {
	_, rest, _ := strings.Cut(item, `"@timestamp":`)
	return rest
}

// keeps is an output that never delivers, so that Fluent Bit keeps its chunks.
const keeps = "\n[OUTPUT]\n    name http\n    match *\n    host 127.0.0.1\n    port 1\n    retry_limit no_limits\n"

// TestPreviewOfTheExampleRecords runs the example configuration, and previews the chunks in Fluent
// Bit's storage.
func TestPreviewOfTheExampleRecords(t *testing.T) {
	fluentbit.ForTest(t)
	examples, err := filepath.Abs("../../../examples")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(examples, "fluent-bit.conf"))
	if err != nil {
		t.Fatal(err)
	}
	r, dir := record(t), t.TempDir()
	conf := filepath.Join(dir, "fluent-bit.conf")
	changed := strings.Replace(string(text), " parsers.conf", " "+filepath.Join(examples, "parsers.conf"), 1)
	if err := os.WriteFile(conf, []byte(changed+keeps), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	for name, value := range map[string]string{"ES_URL": r.URL, "EXAMPLES_DIR": examples, "STATE_DIR": state, "INDEX_PREFIX": "Preview-"} {
		t.Setenv(name, value)
	}
	agent := fluentbit.StartFile(t, e2e.Plugin(), conf)
	lines := 0
	for _, pattern := range []string{"logs/containers/*.log", "logs/web/*.log"} {
		files, _ := filepath.Glob(filepath.Join(examples, pattern))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte{'\n'})
		}
	}
	last, since := -1, time.Now()
	support.Eventually(t, time.Minute, "all records have arrived", func() bool {
		if now := r.count(); now != last {
			last, since = now, time.Now()
		}
		return last > lines/2 && time.Since(since) > 3*time.Second // lines that were cut in two are one record
	})
	agent.Signal(t, syscall.SIGKILL)
	_ = agent.Wait(t, 10*time.Second)
	var previewed string
	for output, input := range map[string]string{"es_go.0": "tail.0", "es_go.1": "tail.1"} {
		chunks, _ := filepath.Glob(filepath.Join(state, input, "*.flb"))
		if len(chunks) == 0 {
			t.Fatalf("Fluent Bit kept no chunks of %s", input)
		}
		code, out, problems := outES(t, "", append([]string{"preview", "-c", conf, "-o", output}, chunks...)...)
		if code != 0 {
			t.Fatalf("preview ends with %d: %s", code, problems)
		}
		previewed += out
	}
	wantSame(t, previewed, r)
}

// words are texts of generated records.
var words = []string{"", "shop", "GET /cart?id=7", `a "quoted" \ word`, "tab\tand\nline", "grün 東京 🙂", "\u2028", "_id", "true", "0123456789abcdef"}

// names are keys of generated records, among them such as Elasticsearch rejects.
var names = []string{"message", "level", "user.name", "Kubernetes", "_id", "_source", "", ".", "a..b", "x.", "ü", "with space", "@timestamp2", "n", "list", "deep"}

// randomValue makes a value of up to some levels.
func randomValue(random *rand.Rand, depth int) string {
	text := func() string {
		quoted, _ := json.Marshal(words[random.IntN(len(words))])
		return string(quoted)
	}
	switch kind := random.IntN(11); {
	case kind == 0 && depth > 0:
		return randomRecord(random, depth-1, "")
	case kind == 1 && depth > 0:
		var items []string
		for range random.IntN(4) {
			items = append(items, randomValue(random, depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	case kind == 2:
		return fmt.Sprint(random.Int64() - random.Int64())
	case kind == 3:
		return fmt.Sprint(random.IntN(300) - 150)
	case kind == 4:
		return fmt.Sprintf("%d.%d", random.IntN(1000), random.IntN(1000))
	case kind == 5:
		return []string{"true", "false", "null"}[random.IntN(3)]
	case kind == 6:
		return fmt.Sprint(1<<53 + random.Int64N(1000))
	}
	return text()
}

// randomRecord makes an object whose first field is first.
func randomRecord(random *rand.Rand, depth int, first string) string {
	fields := []string{}
	if first != "" {
		fields = append(fields, first)
	}
	for _, i := range random.Perm(len(names))[:random.IntN(8)] {
		name, _ := json.Marshal(names[i])
		fields = append(fields, string(name)+":"+randomValue(random, depth))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// TestPreviewOfGeneratedRecords has Fluent Bit read 10,000 generated lines, and previews them as
// JSON lines, ids and index names of the record included.
func TestPreviewOfGeneratedRecords(t *testing.T) {
	fluentbit.ForTest(t)
	const records = 10_000
	r, dir := record(t), t.TempDir()
	random := rand.New(rand.NewPCG(21, 1))
	began := time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)
	var lines, envelopes strings.Builder
	for n := range records {
		at := began.Add(time.Duration(n) * 125 * time.Millisecond).Format("2006-01-02T15:04:05.000Z")
		fields := randomRecord(random, 3, fmt.Sprintf(`"n":%d,"service":"Shop %d"`, n, n%7))
		fmt.Fprintf(&lines, `{"time":%q,%s`+"\n", at, fields[1:])
		fmt.Fprintf(&envelopes, `{"time":%q,"tag":"app.log","record":%s}`+"\n", at, fields)
	}
	for name, text := range map[string]string{
		"app.log":      lines.String(),
		"parsers.conf": "[PARSER]\n    Name timed\n    Format json\n    Time_Key time\n    Time_Format %Y-%m-%dT%H:%M:%S.%LZ\n    Time_Keep off\n",
		"fluent-bit.conf": fmt.Sprintf("[SERVICE]\n    Flush 0.2\n    Log_Level warn\n    Parsers_File parsers.conf\n[INPUT]\n    Name tail\n    Path %s\n    Tag app.log\n    Parser timed\n    Read_From_Head on\n"+
			"[OUTPUT]\n    Name es_go\n    Match *\n    Hosts %s\n    Index Logs-$service-%%Y.%%m.%%d\n    Generate_ID on\n    Routing $n\n    Include_Tag_Key on\n    Workers 1\n    Retry_Limit no_limits\n", filepath.Join(dir, "app.log"), r.URL),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(dir, "fluent-bit.conf")
	agent := fluentbit.StartFile(t, e2e.Plugin(), conf)
	support.Eventually(t, time.Minute, "all records have arrived", func() bool { return r.count() >= records })
	agent.Stop(t)
	code, out, problems := outES(t, envelopes.String(), "preview", "-c", conf, "-")
	if code != 0 {
		t.Errorf("preview ends with %d: %.2000s", code, problems)
	}
	wantSame(t, out, r)
}

// TestPreviewAgainstARealServer asks whether documents would be taken: with the mapping of the real
// index, and with that of a template. Nothing stays, and the real index is as it was.
func TestPreviewAgainstARealServer(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"n":{"type":"long"}}}}`); err != nil {
		t.Fatal(err)
	}
	template := `{"index_patterns":["` + index + `-made*"],"template":{"mappings":{"dynamic":"strict","properties":{"@timestamp":{"type":"date"},"m":{"type":"boolean"}}}}}`
	if err := s.PutTemplate(t.Context(), index, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Do(t.Context(), http.MethodDelete, "/_index_template/"+index, nil) })
	records := `{"index":"` + index + `","n":1}
{"index":"` + index + `","n":"text"}
{"index":"` + index + `-made","m":true}
{"index":"` + index + `-made","other":1}
`
	words := []string{"preview", "-s", "Index=$index", "--against", s.URL()}
	code, out, problems := outES(t, strings.ReplaceAll(records, `,"m":true`, `,"m":true`), words...)
	if code != 1 || len(pairs(out)) != 4 {
		t.Fatalf("%d: %s\n%s", code, out, problems)
	}
	for _, want := range []string{
		"standard input:2: Elasticsearch would reject it: 400 " + e2e.ParsingError(t, s) + ":",
		"standard input:4: Elasticsearch would reject it: 400 strict_dynamic_mapping_exception",
		"documents for " + index + " are tried with the mapping of " + index,
		"documents for " + index + "-made are tried with the template of the cluster",
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("it does not tell %q:\n%s", want, problems)
		}
	}
	if strings.Contains(problems, "standard input:1:") {
		t.Errorf("a good document is rejected:\n%s", problems)
	}
	indices, err := s.Indices(t.Context(), "*")
	if err != nil {
		t.Fatal(err)
	}
	for name, documents := range indices {
		if strings.HasPrefix(name, "out-es-preview-") || strings.HasPrefix(name, index) && documents != 0 || name == index+"-made" {
			t.Errorf("%s is there, with %d documents", name, documents)
		}
	}
}

// TestReplayFromADeadLetterIndex takes the records of an index that the plugin wrote.
func TestReplayFromADeadLetterIndex(t *testing.T) {
	s := e2e.Cluster(t)
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"properties":{"n":{"type":"boolean"}}}}`); err != nil {
		t.Fatal(err)
	}
	var body strings.Builder
	for n := range 500 {
		quoted, _ := json.Marshal(fmt.Sprintf(`{"n":%d,"big":%d}`, n, 1<<60+n))
		fmt.Fprintf(&body, `{"create":{"_index":"dead-%s"}}`+"\n"+`{"index":%q,"id":"%d","tag":"app","document":%s}`+"\n", index, index, n, quoted)
	}
	if _, err := s.Do(t.Context(), http.MethodPost, "/_bulk?refresh=true", []byte(body.String())); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.DeleteIndex(context.Background(), "dead-"+index) })
	left := filepath.Join(t.TempDir(), "left.ndjson")
	for run, want := range []string{"500 delivered, 0 deduplicated", "0 delivered, 500 deduplicated"} {
		if code, _, problems := outES(t, "", "replay", "-s", "Hosts="+s.URL(), "--from-index", "dead-"+index, "--left", left); code != 0 || !strings.Contains(problems, want) {
			t.Fatalf("run %d ends with %d: %s", run, code, problems)
		}
	}
	e2e.EventuallyCount(t, s, index, 500)
}

package elasticsearch

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"out_es/test/support"
)

// fillIndex indexes n documents {"n":i} for i below n.
func fillIndex(t *testing.T, server *Server, name string, n int) {
	t.Helper()
	const batch = 5000
	for first := 0; first < n; first += batch {
		var bulk strings.Builder
		for i := first; i < min(first+batch, n); i++ {
			fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n{\"n\":%d}\n", name, i)
		}
		answer, err := server.Do(t.Context(), http.MethodPost, "/_bulk", []byte(bulk.String()))
		if err != nil || !strings.Contains(string(answer), `"errors":false`) {
			t.Fatalf("bulk: %v %.500s", err, answer)
		}
	}
	if err := server.Refresh(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsAreAllStreamed(t *testing.T) {
	support.LongForm(t)
	server := startForTest(t, Options{})
	const n = 12*pageDocuments + 7
	fillIndex(t, server, "stream", n)
	seen := make([]int, n)
	err := server.Documents(t.Context(), "stream", func(d Document) error {
		var source struct{ N int }
		if err := json.Unmarshal(d.Source, &source); err != nil {
			return err
		}
		seen[source.N]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, times := range seen {
		if times != 1 {
			t.Fatalf("document %d was seen %d times", i, times)
		}
	}
	if count, err := server.Count(t.Context(), "str*"); count != n || err != nil {
		t.Errorf("Count says %d, %v; want %d", count, err, n)
	}

	enough := errors.New("enough")
	if err := server.Documents(t.Context(), "stream", func(Document) error { return enough }); err != enough {
		t.Errorf("the callback's error came back as %v", err)
	}
}

func TestIndicesTemplatesAndDataStreams(t *testing.T) {
	support.LongForm(t)
	server, ctx := startForTest(t, Options{}), t.Context()
	template := `{"index_patterns":["logs-*"],"data_stream":{},"template":{"mappings":{"properties":{"level":{"type":"keyword"}}}}}`
	if err := server.PutTemplate(ctx, "logs", template); err != nil {
		t.Fatal(err)
	}
	if err := server.PutIndex(ctx, "plain", `{"settings":{"number_of_replicas":0}}`); err != nil {
		t.Fatal(err)
	}
	bulk := `{"create":{"_index":"logs-app-default"}}` + "\n" + `{"@timestamp":"2026-01-02T03:04:05Z","level":"info"}` + "\n"
	if _, err := server.Do(ctx, http.MethodPost, "/_bulk?refresh=true", []byte(bulk)); err != nil {
		t.Fatal(err)
	}
	counts, err := server.Indices(ctx, "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) != 2 || counts["plain"] != 0 {
		t.Errorf("indices: %v", counts)
	}
	for name, docs := range counts {
		if strings.HasPrefix(name, ".ds-logs-app-default-") && docs != 1 {
			t.Errorf("%s holds %d documents, want 1", name, docs)
		}
	}
	if err := server.DeleteIndex(ctx, "pla*"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Search(ctx, "plain", `{}`); err != nil {
		t.Errorf("searching what isn't there: %v", err)
	}
}

func TestMissingIndicesAreEmpty(t *testing.T) {
	server, ctx := startForTest(t, Options{}), t.Context()
	for _, pattern := range []string{"nothing", "noth*"} {
		count, err := server.Count(ctx, pattern)
		if count != 0 || err != nil {
			t.Errorf("Count(%s): %d, %v", pattern, count, err)
		}
		indices, err := server.Indices(ctx, pattern)
		if !maps.Equal(indices, map[string]int{}) || err != nil {
			t.Errorf("Indices(%s): %v, %v", pattern, indices, err)
		}
		if err := server.Documents(ctx, pattern, func(Document) error { t.Error("a document"); return nil }); err != nil {
			t.Errorf("Documents(%s): %v", pattern, err)
		}
		if err := errors.Join(server.Refresh(ctx, pattern), server.DeleteIndex(ctx, pattern)); err != nil {
			t.Errorf("Refresh, DeleteIndex(%s): %v", pattern, err)
		}
	}
}

func TestConnectRejectsWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:9200", "ftp://host", "http://", "http://user:se cret@host"} {
		if _, err := Connect(address); err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("Connect(%q): %v", address, err)
		}
	}
}

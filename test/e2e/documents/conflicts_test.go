package documents

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/fluentbit"
	"out_es/test/host"
)

// conflictCounter passes everything on to Elasticsearch and counts the items with 409.
func conflictCounter(t *testing.T, s *elasticsearch.Server) (address string, conflicts *atomic.Int64) {
	t.Helper()
	elastic, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	conflicts = &atomic.Int64{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(elastic)
			r.Out.Header.Del("Accept-Encoding")
		},
		Transport: &http.Transport{DisableCompression: true},
		ModifyResponse: func(answer *http.Response) error {
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			answer.Body = io.NopCloser(bytes.NewReader(body))
			conflicts.Add(int64(bytes.Count(body, []byte(`"status":409`))))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL, conflicts
}

// TestHostTwoWritersUpdateOneDocument has two instances change one document at once, each its own
// fields, until Elasticsearch has rejected a change with 409 after its own tries: the change is
// retried, and no field is missing.
func TestHostTwoWritersUpdateOneDocument(t *testing.T) {
	s := e2e.Cluster(t)
	const writers, workers, fields = 2, 2, 50
	index := e2e.FreshIndex(t, s)
	if err := s.PutIndex(t.Context(), index, `{"mappings":{"dynamic":false}}`); err != nil {
		t.Fatal(err)
	}
	// A large document takes long to read, merge and write.
	if _, err := s.Do(t.Context(), "PUT", "/"+index+"/_doc/one", fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 100<<10))); err != nil {
		t.Fatal(err)
	}
	address, conflicts := conflictCounter(t, s)
	h, _ := e2e.StartHost(t, host.Options{})
	var outputs []*host.Output
	for w := range writers {
		outputs = append(outputs, e2e.Output(t, h, workers, fmt.Sprintf("Alias w%d", w), "Hosts "+address, "Index "+index, "Id_Key $id", "Write_Operation update"))
	}
	rounds := 0
	for deadline := time.Now().Add(30 * time.Second); conflicts.Load() == 0; rounds++ {
		if time.Now().After(deadline) {
			t.Fatalf("no update was refused with 409 in %d rounds", rounds)
		}
		var all sync.WaitGroup
		for w, o := range outputs {
			for worker := range workers {
				var c host.Chunk
				for i := range fields {
					if err := c.AddJSON(e2e.FirstTime, fmt.Appendf(nil, `{"id":"one","f_%d_%d_%d_%d":1}`, rounds, w, worker, i)); err != nil {
						t.Fatal(err)
					}
				}
				all.Go(func() {
					if code, err := o.Flush(t.Context(), "a", c.Bytes); err != nil || code != host.OK {
						t.Errorf("the flush answered %v, %v", code, err)
					}
				})
			}
		}
		all.Wait()
	}
	t.Logf("%d conflicts in %d rounds", conflicts.Load(), rounds)

	scrape, err := h.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	resent := 0.0
	for w, o := range outputs {
		name := fmt.Sprintf(`{name="w%d"`, w)
		if got := fluentbit.Value(scrape, "fluentbit_output_es_go_records_total"+name+`,outcome="accepted"}`); got != float64(rounds*workers*fields) {
			t.Errorf("writer %d: %v accepted, want %d", w, got, rounds*workers*fields)
		}
		resent += fluentbit.Value(scrape, "fluentbit_output_es_go_retried_requests_total"+name+"}")
		if err := o.Exit(); err != nil {
			t.Fatal(err)
		}
	}
	if resent == 0 {
		t.Error("no request is counted as sent again")
	}
	if err := s.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	err = s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
		if got, want := bytes.Count(d.Source, []byte(`"f_`)), rounds*writers*workers*fields; got != want {
			return fmt.Errorf("the document has %d of %d fields", got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

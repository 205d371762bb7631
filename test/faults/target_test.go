package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// target answers like Elasticsearch and keeps the requests that were passed on. test/e2e has the
// real one behind the proxy; these tests are about the proxy.
type target struct {
	*httptest.Server
	mu       sync.Mutex
	requests [][]item
}

func newTarget(t *testing.T) *target {
	t.Helper()
	s := &target{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, req.items)
		s.mu.Unlock()
		items := make([]string, len(req.items))
		for i := range items {
			items[i] = `{"create":{"status":201}}`
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.Join(items, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

// documents counts the documents that were passed on.
func (s *target) documents() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, items := range s.requests {
		n += len(items)
	}
	return n
}

func startProxy(t *testing.T, o Options) *Proxy {
	t.Helper()
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// bulk makes a request of n documents.
func bulk(n int) []byte {
	var out bytes.Buffer
	for i := range n {
		fmt.Fprintf(&out, "{\"create\":{\"_index\":\"logs\",\"_id\":\"id-%d\"}}\n{\"n\":%d,\"text\":\"<a> & b\"}\n", i, i)
	}
	return out.Bytes()
}

const filterPath = "?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"

// post sends a body as gzip through client, and returns the answer as a plain client sees it.
func post(t *testing.T, client *http.Client, address string, body []byte) (status int, header http.Header, text string, err error) {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(body)
	_ = writer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &packed)
	if err != nil {
		t.Fatal(err)
	}
	request.GetBody = nil // net/http would retry by itself
	request.Header.Set("Content-Encoding", "gzip")
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(all), err
}

// plainClient has connections of its own and follows no redirect.
func plainClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

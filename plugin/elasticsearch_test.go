package plugin_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// elasticsearch is a server that takes bulk requests as Elasticsearch does,
// reads them with encoding/json, and makes such faults as the real one makes
// only on its bad days.
type elasticsearch struct {
	*httptest.Server
	t testing.TB
	// refuse returns the error of a document, nil for none.
	refuse func(document) *itemError
	// instead answers a whole request, and says so.
	instead func(request int, w http.ResponseWriter) bool
	// limit is the largest body, 0 for none.
	limit int
	// mute is how many requests are taken, but not answered.
	mute int

	mu        sync.Mutex
	documents []document
	requests  []int       // documents of each
	header    http.Header // of the last request
	largest   int         // bytes of a body before compression
}

// document is one item of a request.
type document struct {
	Operation, Index, ID string
	Pipeline, Routing    string
	Source               map[string]any
	Text                 string
}

type itemError struct {
	Status       int
	Type, Reason string
}

func newElasticsearch(t testing.TB) *elasticsearch {
	t.Helper()
	e := &elasticsearch{t: t}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// ServeHTTP implements http.Handler.
func (e *elasticsearch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // the startup check
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := e.body(r)
	if err != nil {
		e.t.Errorf("reading a request: %v", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.header = r.Header.Clone()
	if e.instead != nil && e.instead(len(e.requests), w) {
		e.requests = append(e.requests, 0)
		return
	}
	if e.limit > 0 && len(body) > e.limit {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	e.largest = max(e.largest, len(body))
	documents := e.parse(body)
	e.requests = append(e.requests, len(documents))
	items := make([]string, len(documents))
	for i, d := range documents {
		items[i] = e.take(d)
	}
	if e.mute--; e.mute >= 0 {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, strings.Contains(strings.Join(items, ""), "error"), strings.Join(items, ","))
}

func (e *elasticsearch) body(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		panic(http.ErrAbortHandler) // the client is gone, as an instance is that is closed meanwhile: nothing of the request counts
	}
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return raw, err
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacker)
}

// parse is strict about the format of a bulk request.
func (e *elasticsearch) parse(body []byte) []document {
	lines := bytes.SplitAfter(body, []byte("\n"))
	if last := lines[len(lines)-1]; len(last) != 0 {
		e.t.Errorf("%d lines, the last %.50q", len(lines), last)
		return nil
	}
	var all []document
	for lines = lines[:len(lines)-1]; len(lines) > 0; {
		var action map[string]struct {
			Index    string `json:"_index"`
			ID       string `json:"_id"`
			Pipeline string `json:"pipeline"`
			Routing  string `json:"routing"`
			Retries  int    `json:"retry_on_conflict"`
		}
		strict := json.NewDecoder(bytes.NewReader(lines[0]))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&action); err != nil || len(action) != 1 {
			e.t.Errorf("action %.100q: %v", lines[0], err)
		}
		var d document
		for d.Operation = range action {
			a := action[d.Operation]
			d.Index, d.ID, d.Pipeline, d.Routing = a.Index, a.ID, a.Pipeline, a.Routing
		}
		lines = lines[1:]
		if d.Operation != "delete" {
			if len(lines) == 0 {
				e.t.Errorf("no line follows the last %s", d.Operation)
				return nil
			}
			d.Text = string(lines[0])
			if err := json.Unmarshal(lines[0], &d.Source); err != nil || d.Source == nil {
				e.t.Errorf("document %.100q: %v", lines[0], err)
			}
			lines = lines[1:]
		}
		all = append(all, d)
	}
	return all
}

// take stores a document and returns its item.
func (e *elasticsearch) take(d document) string {
	if e.refuse != nil {
		if wrong := e.refuse(d); wrong != nil && wrong.Type == "" { // nothing to delete is no error
			return fmt.Sprintf(`{%q:{"status":%d,"result":"not_found"}}`, d.Operation, wrong.Status)
		} else if wrong != nil {
			return fmt.Sprintf(`{%q:{"status":%d,"error":{"type":%q,"reason":%q}}}`, d.Operation, wrong.Status, wrong.Type, wrong.Reason)
		}
	}
	same := func(other document) bool { return d.ID != "" && other.ID == d.ID && other.Index == d.Index }
	if d.Operation == "create" && slices.ContainsFunc(e.documents, same) {
		return fmt.Sprintf(`{%q:{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[%s]: version conflict, document already exists (current version [1])"}}}`, d.Operation, d.ID)
	}
	e.documents = append(e.documents, d)
	return fmt.Sprintf(`{%q:{"status":201}}`, d.Operation)
}

// numbers are the fields n of the documents that are there, in order.
func (e *elasticsearch) numbers() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []int
	for _, d := range e.documents {
		n, _ := d.Source["n"].(float64)
		all = append(all, int(n))
	}
	slices.Sort(all)
	return all
}

// status answers every request like this.
func status(code int, body string) func(int, http.ResponseWriter) bool {
	return func(_ int, w http.ResponseWriter) bool {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// set changes a server that is in use.
func (e *elasticsearch) set(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

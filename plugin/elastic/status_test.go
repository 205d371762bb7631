package elastic_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
)

const (
	ownError = `{"error":{"root_cause":[{"type":"a","reason":"b"}],"type":"security_exception","reason":"missing credentials","caused_by":{"type":"c"}},"status":401}`
	oldError = `{"error":"no handler found for uri [/x/_bulk] and method [POST]"}`
	page     = `<html><body><h1>It works!</h1></body></html>`
)

// TestStatuses has the rows for whole requests of "What Elasticsearch's answers mean" in
// docs/architecture.md.
func TestStatuses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  bulk.Class
		kind   string // Elasticsearch's own
		remedy string // a part of it
	}{
		"401":                          {401, ownError, bulk.Misconfigured, "security_exception", "HTTP_User"},
		"401 of a proxy":               {401, page, bulk.Misconfigured, "", "HTTP_API_Key"},
		"403":                          {403, ownError, bulk.Misconfigured, "security_exception", "HTTP_API_Key"},
		"404":                          {404, oldError, bulk.Misconfigured, "error", "Hosts"},
		"405":                          {405, oldError, bulk.Misconfigured, "error", ""},
		"407":                          {407, page, bulk.Misconfigured, "", "proxy"},
		"408":                          {408, "", bulk.Unavailable, "", ""},
		"413":                          {413, "", bulk.Oversized, "", ""},
		"413 of a proxy":               {413, page, bulk.Oversized, "", ""},
		"429":                          {429, ownError, bulk.Throttled, "security_exception", ""},
		"400 with an error of its own": {400, `{"error":{"type":"illegal_argument_exception","reason":"r"},"status":400}`, bulk.BadRequest, "illegal_argument_exception", ""},
		"400 of a proxy":               {400, page, bulk.Misconfigured, "", "Hosts"},
		"400 with other JSON":          {400, `{"message":"no"}`, bulk.Misconfigured, "", "Hosts"},
		"400 with an error cut off":    {400, ownError[:20], bulk.Misconfigured, "", "Hosts"},
		"500":                          {500, ownError, bulk.Unavailable, "security_exception", ""},
		"501":                          {501, "", bulk.Misconfigured, "", ""},
		"502":                          {502, page, bulk.Unavailable, "", ""},
		"503":                          {503, ownError, bulk.Unavailable, "security_exception", ""},
		"504":                          {504, page, bulk.Unavailable, "", ""},
		"202":                          {202, answer(1), bulk.Ambiguous, "", ""},
		"204":                          {204, "", bulk.Ambiguous, "", ""},
		"a page with 200":              {200, page, bulk.Misconfigured, "", "Hosts"},
		"an error with 200":            {200, ownError, bulk.Ambiguous, "", ""},
		"nothing with 200":             {200, "", bulk.Ambiguous, "", ""},
		"half an answer":               {200, answer(1)[:40], bulk.Ambiguous, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			statuses, failure := send(t, newClient(t, elastic.Options{}, server.URL), newRequest(t, bulk.Gzip, 1, 10))
			if failure == nil {
				t.Fatalf("no failure, items %v", statuses)
			}
			if failure.Class != c.class || failure.Status != c.status || failure.Type != c.kind || len(statuses) != 0 {
				t.Errorf("%+v, items %v", failure, statuses)
			}
			if !strings.Contains(failure.Remedy, c.remedy) || c.remedy == "" && failure.Remedy != "" {
				t.Errorf("remedy %q", failure.Remedy)
			}
		})
	}
}

func TestAnAnswerThatIsCutOffGivesItsWholeItems(t *testing.T) {
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		text := answer(10)
		_, _ = io.WriteString(w, text[:len(text)-5])
	})
	statuses, failure := send(t, newClient(t, elastic.Options{}, server.URL), newRequest(t, bulk.Plain, 10, 10))
	if failure == nil || failure.Class != bulk.Ambiguous || !slices.Equal(statuses, slices.Repeat([]int{201}, 9)) {
		t.Errorf("%v, %v", statuses, failure)
	}
}

func TestRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		header   string
		low, top time.Duration
	}{
		"seconds":           {"7", 7 * time.Second, 7 * time.Second},
		"seconds, in space": {" 7 ", 7 * time.Second, 7 * time.Second},
		"a date":            {time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat), 80 * time.Second, 90 * time.Second},
		"a date gone by":    {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 0, 0},
		"nothing":           {"", 0, 0},
		"zero":              {"0", 0, 0},
		"below zero":        {"-5", 0, 0},
		"no number":         {"soon", 0, 0},
		"a year":            {"31536000", 24 * time.Hour, 24 * time.Hour},
		"beyond all":        {"99999999999999999999", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(429)
			})
			_, failure := send(t, newClient(t, elastic.Options{}, server.URL), newRequest(t, bulk.Plain, 1, 10))
			if failure == nil || failure.RetryAfter < c.low || failure.RetryAfter > c.top {
				t.Errorf("%+v", failure)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("it was followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := newServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		_, failure := send(t, newClient(t, elastic.Options{}, server.URL), newRequest(t, bulk.Plain, 1, 10))
		if failure == nil || failure.Class != bulk.Misconfigured || !strings.Contains(failure.Remedy, "Hosts") {
			t.Errorf("%d: %+v", status, failure)
		}
	}
}

// A server's error may have any length.
func TestALongErrorIsReadInPart(t *testing.T) {
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(503)
		_, _ = io.WriteString(w, strings.Repeat("x", 10<<20))
	})
	_, failure := send(t, newClient(t, elastic.Options{}, server.URL), newRequest(t, bulk.Plain, 1, 10))
	if failure == nil || failure.Class != bulk.Unavailable || len(failure.Error()) > 1000 {
		t.Errorf("%.1000v", failure)
	}
}

func TestTheServerIsKnownFromTheFirstAnswerWithItsIdentity(t *testing.T) {
	status, header, body := 200, http.Header{}, answer(1)
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	client := newClient(t, elastic.Options{}, server.URL)
	check := func(want string) {
		t.Helper()
		if got := client.Server().String(); got != want {
			t.Errorf("it is taken for %s, want %s", got, want)
		}
	}
	check("unknown")
	_ = post(t, client)
	check("unknown")
	status, header = 503, http.Header{"X-Elastic-Product": {"Elasticsearch"}}
	_ = post(t, client)
	check("Elasticsearch")
	header, status = http.Header{"X-Opensearch-Version": {"OpenSearch/3.8.0 (opensearch)"}}, 200
	_ = post(t, client)
	check("Elasticsearch") // the first decides
	header, body = http.Header{"X-Elastic-Product": {"Elasticsearch"}}, `{"version":{"number":"8.19.7"}}`
	if info, failure := client.Info(t.Context()); failure != nil || info.Server.String() != "Elasticsearch 8.19.7" || info.Status != 200 || info.Host != server.URL {
		t.Errorf("%+v, %v", info, failure)
	}
	check("Elasticsearch 8.19.7")
}

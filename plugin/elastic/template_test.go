package elastic_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/template"
)

// templateAnswers are the possible answers to a request about a template.
var templateAnswers = map[string]struct {
	status int
	text   string
	find   bulk.Class // Delivered: no failure
	put    bulk.Class
}{
	"there":               {200, `{"index_templates":[{"name":"x","index_template":{"_meta":{"es_go":"mark"}}}]}`, bulk.Delivered, bulk.Misconfigured},
	"another's":           {200, `{"index_templates":[{"name":"y"}]}`, bulk.Misconfigured, bulk.Misconfigured},
	"not there":           {404, `{"error":{"type":"resource_not_found_exception","reason":"index template matching [x] not found"},"status":404}`, bulk.Delivered, bulk.Misconfigured},
	"installed":           {200, `{"acknowledged":true}`, bulk.Misconfigured, bulk.Delivered},
	"not by all nodes":    {200, `{"acknowledged":false}`, bulk.Misconfigured, bulk.Unavailable},
	"illegal":             {400, `{"error":{"type":"illegal_argument_exception","reason":"index template [x] already exists"},"status":400}`, bulk.BadRequest, bulk.BadRequest},
	"no such API":         {400, `{"error":"no handler found for uri [/_index_template/x] and method [GET]"}`, bulk.BadRequest, bulk.BadRequest},
	"a page":              {200, page, bulk.Misconfigured, bulk.Misconfigured},
	"a proxy's not found": {404, page, bulk.Misconfigured, bulk.Misconfigured},
	"may not":             {403, ownError, bulk.Misconfigured, bulk.Misconfigured},
	"who is it":           {401, ownError, bulk.Misconfigured, bulk.Misconfigured},
	"no master":           {503, ownError, bulk.Unavailable, bulk.Unavailable},
	"too many":            {429, ownError, bulk.Throttled, bulk.Throttled},
	"moved":               {302, "", bulk.Misconfigured, bulk.Misconfigured},
}

func TestTemplateAnswers(t *testing.T) {
	for name, c := range templateAnswers {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.text)
			})
			client := newClient(t, elastic.Options{}, server.URL)
			found, failure := client.FindTemplate(t.Context(), template.Index, "x")
			if got := classOf(failure); got != c.find {
				t.Errorf("looking: %v, %v", got, failure)
			}
			if there := name == "there"; found.Exists != there || there && found.Mark != "mark" {
				t.Errorf("found %+v", found)
			}
			failure = client.PutTemplate(t.Context(), &template.Template{Name: "x", Body: []byte("{}")}, template.KeepExisting)
			if got := classOf(failure); got != c.put {
				t.Errorf("installing: %v, %v", got, failure)
			}
		})
	}
}

func classOf(f *bulk.Failure) bulk.Class {
	if f == nil {
		return bulk.Delivered
	}
	return f.Class
}

func TestTemplateRequests(t *testing.T) {
	var got []string
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, strings.TrimSpace(r.Method+" "+r.URL.Path+" create="+r.URL.Query().Get("create")+" "+r.Header.Get("Content-Type")+" "+string(body)))
	})
	client := newClient(t, elastic.Options{}, server.URL+"/prefix")
	for _, kind := range []template.Kind{template.Index, template.Component} {
		_, _ = client.FindTemplate(t.Context(), kind, "logs@x")
		for _, precedence := range []template.Precedence{template.KeepExisting, template.Overwrite} {
			_ = client.PutTemplate(t.Context(), &template.Template{Kind: kind, Name: "logs@x", Body: []byte(`{"a":1}`)}, precedence)
		}
	}
	want := []string{
		`GET /prefix/_index_template/logs@x create=`,
		`PUT /prefix/_index_template/logs@x create=true application/json {"a":1}`,
		`PUT /prefix/_index_template/logs@x create=false application/json {"a":1}`,
		`GET /prefix/_component_template/logs@x create=`,
		`PUT /prefix/_component_template/logs@x create=true application/json {"a":1}`,
		`PUT /prefix/_component_template/logs@x create=false application/json {"a":1}`,
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

package preview

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"out_es/lint/sections"
	"out_es/plugin/bulk"
	"out_es/plugin/template"
	"out_es/tool/encoder"
)

// Asker makes requests to Elasticsearch.
type Asker interface {
	Ask(ctx context.Context, method, path string, body []byte) ([]byte, *bulk.Failure)
}

const (
	// throwAway begins the names of the indices that documents are tried in.
	throwAway = "out-es-preview-"
	// tryBytes is how large a request becomes.
	tryBytes = 2 << 20
	// cleaning bounds the deletion of the indices.
	cleaning = 30 * time.Second
)

// Trial asks Elasticsearch whether it takes documents, in temporary indices. Their mapping is that
// of the real index, or of its template if it does not exist yet. The real indices are not touched.
type Trial struct {
	asker    Asker
	template *template.Template // the section's own, nil for none
	run      string
	indices  map[string]string // real to throw-away
	body     []byte
	waiting  []string // where each document of body comes from
	// Rejected is called for each rejected document, Told for the way in which the indices are
	// made.
	Rejected func(where, why string)
	Told     func(text string)
}

// NewTrial returns a trial. Close must be called at its end.
func NewTrial(a Asker, t *template.Template) *Trial {
	return &Trial{asker: a, template: t, run: strings.ToLower(rand.Text()[:10]), indices: map[string]string{}}
}

// Add tries a document, with others.
//
// Possible errors: Elasticsearch does not make the index, or gives no answer.
func (t *Trial) Add(ctx context.Context, p *Preview) error {
	index, known := t.indices[p.Index]
	if !known {
		index = fmt.Sprintf("%s%s-%d", throwAway, t.run, len(t.indices))
		if err := t.create(ctx, p.Index, index); err != nil {
			return err
		}
		t.indices[p.Index] = index
	}
	action, err := encoder.Action(p.Lines)
	if err != nil {
		return err
	}
	if action.Operation != bulk.Create {
		action.Operation = bulk.Index // the throw-away index has no document to update or delete
	}
	action.Index = []byte(`"` + index + `"`)
	t.body = append(append(bulk.AppendAction(t.body, action), p.Document...), '\n')
	if t.waiting = append(t.waiting, p.Where); len(t.body) < tryBytes {
		return nil
	}
	return t.Flush(ctx)
}

// Flush tries the documents that wait.
//
// Possible errors: no answer.
func (t *Trial) Flush(ctx context.Context) error {
	if len(t.waiting) == 0 {
		return nil
	}
	answer, failure := t.asker.Ask(ctx, http.MethodPost, "/_bulk", t.body)
	waiting := t.waiting
	t.body, t.waiting = t.body[:0], nil
	if failure != nil {
		return fmt.Errorf("the documents could not be tried: %w", failure)
	}
	var items struct {
		Items []map[string]struct {
			Status int `json:"status"`
			Error  struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
				Cause  struct {
					Reason string `json:"reason"`
				} `json:"caused_by"`
			} `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(answer, &items); err != nil || len(items.Items) != len(waiting) {
		return fmt.Errorf("the documents could not be tried: the answer has %d items for %d documents (%w)", len(items.Items), len(waiting), err)
	}
	for i, item := range items.Items {
		for _, result := range item {
			if result.Status < 300 || result.Status == http.StatusConflict { // a document that occurs twice
				continue
			}
			why := fmt.Sprintf("%d %s: %s", result.Status, result.Error.Type, result.Error.Reason)
			if result.Error.Cause.Reason != "" {
				why += ": " + result.Error.Cause.Reason
			}
			for real, index := range t.indices {
				why = strings.ReplaceAll(why, "["+index+"]", "["+real+"]")
			}
			t.Rejected(waiting[i], why)
		}
	}
	return nil
}

// Close deletes the indices.
//
// Possible errors: one could not be deleted.
func (t *Trial) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleaning)
	defer cancel()
	for _, index := range t.indices {
		if _, failure := t.asker.Ask(ctx, http.MethodDelete, "/"+index, nil); failure != nil && failure.Status != http.StatusNotFound {
			return fmt.Errorf("the index %s* could not be deleted, delete it by hand: %w", throwAway+t.run, failure)
		}
	}
	return nil
}

// create makes the throw-away index of a real one.
func (t *Trial) create(ctx context.Context, real, index string) error {
	about, from, err := t.describe(ctx, real)
	if err != nil {
		return err
	}
	body, err := json.Marshal(about)
	if err != nil {
		return err
	}
	t.indices[real] = index // also where its creation fails half-way
	if _, failure := t.asker.Ask(ctx, http.MethodPut, "/"+index, body); failure != nil {
		return fmt.Errorf("the throw-away index for %s could not be made (%s): %w", real, from, failure)
	}
	t.Told(fmt.Sprintf("documents for %s are tried with %s", real, from))
	return nil
}

// description is the part of an index that decides about documents.
type description struct {
	Settings map[string]any `json:"settings,omitempty"`
	Mappings map[string]any `json:"mappings,omitempty"`
}

// describe finds out how the real index is, or would be made.
func (t *Trial) describe(ctx context.Context, real string) (d description, from string, err error) {
	answer, failure := t.asker.Ask(ctx, http.MethodGet, "/"+url.PathEscape(real), nil)
	if failure == nil {
		var indices map[string]description
		if err := json.Unmarshal(answer, &indices); err != nil {
			return d, "", err
		}
		newest := ""
		for name := range indices { // of a data stream, the newest has the largest number
			newest = max(newest, name)
		}
		d = indices[newest]
		return d.usable(), "the mapping of " + newest, nil
	}
	if failure.Status != http.StatusNotFound {
		return d, "", fmt.Errorf("%s could not be read: %w", real, failure)
	}
	path, body, from := "/_index_template/_simulate_index/"+url.PathEscape(real), []byte(nil), "the template of the cluster"
	if t.template != nil && t.template.Kind == template.Index && t.fits(real) {
		path, body, from = "/_index_template/_simulate", t.template.Body, "Template_File"
	}
	answer, failure = t.asker.Ask(ctx, http.MethodPost, path, body)
	if failure != nil {
		return d, "", fmt.Errorf("the template of %s could not be resolved: %w", real, failure)
	}
	var resolved struct {
		Template description `json:"template"`
	}
	if err := json.Unmarshal(answer, &resolved); err != nil {
		return d, "", err
	}
	if d = resolved.Template; len(d.Mappings) == 0 && len(d.Settings) == 0 {
		from = "dynamic mapping alone: no template is for it"
	}
	return d.usable(), from, nil
}

// fits reports whether the section's template is for an index.
func (t *Trial) fits(index string) bool {
	var about struct {
		Patterns []string `json:"index_patterns"`
	}
	if json.Unmarshal(t.template.Body, &about) != nil {
		return false
	}
	for _, pattern := range about.Patterns {
		if sections.Match(pattern, index) {
			return true
		}
	}
	return false
}

// own are settings that an index can't be made with.
var own = []string{"uuid", "creation_date", "provided_name", "version", "resize", "routing", "lifecycle", "hidden", "blocks", "routing_partition_size", "history", "plugins", "replication"}

// usable is a description that an index can be made from.
func (d description) usable() description {
	index, _ := d.Settings["index"].(map[string]any)
	kept := map[string]any{}
	maps.Copy(kept, index)
	for _, name := range own {
		delete(kept, name)
	}
	kept["number_of_shards"], kept["number_of_replicas"], kept["auto_expand_replicas"] = 1, 0, false
	d.Settings = map[string]any{"index": kept}
	return d
}

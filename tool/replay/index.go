package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"out_es/plugin/bulk"
)

// Asker makes requests other than bulk requests.
type Asker interface {
	Ask(ctx context.Context, method, path string, body []byte) ([]byte, *bulk.Failure)
}

const (
	// pageRecords is how many records are asked for at a time: a record may have some MB.
	pageRecords = 200
	// scrollKept is how long Elasticsearch keeps the state of the search between two pages.
	scrollKept = "10m"
)

// Index is the records of a dead-letter index.
type Index struct {
	ctx    context.Context
	asker  Asker
	name   string
	scroll string
	page   []hit
	at     place
	ended  bool
}

type hit struct {
	ID     string          `json:"_id"`
	Index  string          `json:"_index"`
	Source json.RawMessage `json:"_source"`
}

// OpenIndex returns the records of an index, alias or data stream, by the scroll API, which all
// versions of Elasticsearch and OpenSearch have. They are read from the beginning each time.
func OpenIndex(ctx context.Context, a Asker, name string) *Index {
	return &Index{ctx: ctx, asker: a, name: name}
}

// Identity implements Input.
func (x *Index) Identity() string { return "index " + x.name }

// Place implements Input.
func (x *Index) Place() place { return x.at }

// Seek implements Input.
func (x *Index) Seek(place) error { return nil }

// Next implements Input.
func (x *Index) Next(dst []byte) (text []byte, where string, err error) {
	if len(x.page) == 0 {
		if err := x.next(); err != nil {
			return dst, "", err
		}
	}
	h := x.page[0]
	x.page = x.page[1:]
	x.at.Line++
	return append(dst, h.Source...), h.Index + "/" + h.ID, nil
}

// next asks for a page.
func (x *Index) next() error {
	if x.ended {
		return io.EOF
	}
	method, path, body := http.MethodPost, "/"+url.PathEscape(x.name)+"/_search?scroll="+scrollKept, fmt.Appendf(nil, `{"size":%d,"sort":["_doc"]}`, pageRecords)
	if x.scroll != "" {
		path = "/_search/scroll"
		body, _ = json.Marshal(map[string]string{"scroll": scrollKept, "scroll_id": x.scroll})
	}
	answer, failure := x.asker.Ask(x.ctx, method, path, body)
	if failure != nil {
		return fmt.Errorf("the records of %s can't be read: %w", x.name, failure)
	}
	var page struct {
		Scroll string `json:"_scroll_id"`
		Hits   struct {
			Hits []hit `json:"hits"`
		} `json:"hits"`
		Shards struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return fmt.Errorf("the records of %s can't be read: %w", x.name, err)
	}
	if page.Shards.Failed > 0 {
		return fmt.Errorf("the records of %s can't be read: %d shards failed", x.name, page.Shards.Failed)
	}
	if x.scroll, x.page = page.Scroll, page.Hits.Hits; len(x.page) == 0 {
		x.ended = true
		body, _ := json.Marshal(map[string]string{"scroll_id": x.scroll})
		_, _ = x.asker.Ask(x.ctx, http.MethodDelete, "/_search/scroll", body) // else it ends by itself
		return io.EOF
	}
	return nil
}

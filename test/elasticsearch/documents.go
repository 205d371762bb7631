package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Document is one search hit.
type Document struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"` // as it was sent, byte for byte
}

// pageDocuments are fetched at a time: about 1 MB of typical log records.
const pageDocuments = 1000

// scrollLife is how long Elasticsearch keeps the search between two pages.
const scrollLife = "2m"

type page struct {
	ScrollID string `json:"_scroll_id"`
	Shards   struct{ Failed int }
	Hits     struct{ Hits []Document }
}

// Documents calls each for every document of the indices that match the pattern, in no particular
// order, holding one page at a time. It uses a scroll, which every version and OpenSearch have.
// Documents of the last second are visible only after Refresh. An error of each ends the walk and
// is returned unchanged.
func (c *Client) Documents(ctx context.Context, pattern string, each func(Document) error) error {
	var current page
	query := fmt.Appendf(nil, `{"size":%d,"sort":["_doc"]}`, pageDocuments)
	err := c.ask(ctx, http.MethodPost, "/"+pattern+"/_search?scroll="+scrollLife+"&"+missingIsEmpty, query, &current)
	if err != nil {
		return err
	}
	defer func() { c.forgetScroll(ctx, current.ScrollID) }()
	for {
		if current.Shards.Failed > 0 {
			return fmt.Errorf("elasticsearch: reading %s: %d shards failed, documents would be missing", pattern, current.Shards.Failed)
		}
		if len(current.Hits.Hits) == 0 {
			return nil
		}
		for _, document := range current.Hits.Hits {
			if err := each(document); err != nil {
				return err
			}
		}
		next := fmt.Appendf(nil, `{"scroll":%q,"scroll_id":%q}`, scrollLife, current.ScrollID)
		current = page{ScrollID: current.ScrollID}
		if err := c.ask(ctx, http.MethodPost, "/_search/scroll", next, &current); err != nil {
			return err
		}
	}
}

// forgetScroll frees the search at once; if that fails, Elasticsearch does it after scrollLife.
func (c *Client) forgetScroll(ctx context.Context, id string) {
	if id != "" {
		c.Do(ctx, http.MethodDelete, "/_search/scroll", fmt.Appendf(nil, `{"scroll_id":%q}`, id))
	}
}

// Search runs a query in Elasticsearch's own language over the indices that match the pattern and
// returns the hits.
func (c *Client) Search(ctx context.Context, pattern, body string) ([]Document, error) {
	var answer page
	err := c.ask(ctx, http.MethodPost, "/"+pattern+"/_search?"+missingIsEmpty, []byte(body), &answer)
	return answer.Hits.Hits, err
}

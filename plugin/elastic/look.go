package elastic

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	jsoniter "github.com/json-iterator/go"

	"out_es/plugin/bulk"
)

// Sight is what a look showed.
type Sight struct {
	// Host is who was asked.
	Host string
	// Status is that of the answer to GET /.
	Status int
	Server Server
}

// Look asks one of the hosts who it is, with GET /. An answer that doesn't tell,
// since the key may do nothing but write (403), or since there is no such
// address (404, 405, 400 as Elasticsearch words it), is none the worse for it:
// its headers may tell. The failure is one that a bulk request would meet, too.
//
// Server is known from here on, where it can be: what depends on it, such as
// templates, goes behind it.
func (c *Client) Look(ctx context.Context) (Sight, *bulk.Failure) {
	ctx, attempt := withAttempt(ctx)
	response, err := esapi.InfoRequest{}.Do(ctx, c.api)
	if err != nil {
		f := c.transportFailure(err, attempt)
		switch {
		case ctx.Err() == context.Canceled:
			f.Class = bulk.Canceled
		case f.Class == bulk.Ambiguous:
			f.Class = bulk.Unreachable // nothing is changed by a look
		}
		return Sight{}, f
	}
	defer func() { _ = response.Body.Close() }()
	sight := Sight{Host: attempt.address, Status: response.StatusCode}
	switch response.StatusCode {
	case http.StatusOK:
		text, err := io.ReadAll(io.LimitReader(response.Body, errorBytes))
		if err != nil {
			return Sight{}, c.readFailure(err, attempt)
		}
		c.server.add(introduction(text, response.Header))
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
	default:
		if f := c.answerFailure(response.StatusCode, response.Header.Get("Retry-After"), response.Body, attempt); f.Class != bulk.Illegal {
			return Sight{}, f
		}
	}
	sight.Server = c.server.get()
	return sight, nil
}

// introduction reads an answer of 200 to GET /.
func introduction(text []byte, header http.Header) Server {
	server := serverOf(header.Get)
	number := jsoniter.Get(text, "version", "number").ToString() // "" where it is no JSON
	tagline := jsoniter.Get(text, "tagline").ToString()
	switch {
	case server.Family != Unknown:
	case jsoniter.Get(text, "version", "distribution").ToString() == "opensearch", strings.Contains(tagline, "OpenSearch"):
		server.Family = OpenSearch
	case tagline == "You Know, for Search" && number != "": // Elasticsearch before 7.14
		server.Family = Elasticsearch
	default:
		server.Family = Foreign
	}
	if server.Version == "" && server.Family != Foreign {
		server.Version = number
	}
	return server
}

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

// Info is the identity of a server, as its answer to GET / shows it.
type Info struct {
	// Host is the address of the server.
	Host string
	// Status is that of the answer to GET /.
	Status int
	Server Server
}

// Info identifies the server with GET /. Some answers don't: the key may lack the privilege (403),
// or the address may not exist (404, 405, 400 in Elasticsearch's form). That is no failure: their
// headers may tell. A failure is one that a bulk request would meet, too.
//
// Server is known after it, if it can be known: templates and other things that depend on it come
// later.
func (c *Client) Info(ctx context.Context) (Info, *bulk.Failure) {
	ctx, attempt := withAttempt(ctx)
	response, err := esapi.InfoRequest{}.Do(ctx, c.api)
	if err != nil {
		f := c.transportFailure(err, attempt)
		switch {
		case ctx.Err() == context.Canceled:
			f.Class = bulk.Canceled
		case f.Class == bulk.Ambiguous:
			f.Class = bulk.Unreachable // GET changes nothing
		}
		return Info{}, f
	}
	defer func() { _ = response.Body.Close() }()
	info := Info{Host: attempt.address, Status: response.StatusCode}
	switch response.StatusCode {
	case http.StatusOK:
		text, err := io.ReadAll(io.LimitReader(response.Body, errorBytes))
		if err != nil {
			return Info{}, c.readFailure(err, attempt)
		}
		c.server.add(parseInfo(text, response.Header))
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
	default:
		if f := c.answerFailure(response.StatusCode, response.Header.Get("Retry-After"), response.Body, attempt); f.Class != bulk.BadRequest {
			return Info{}, f
		}
	}
	info.Server = c.server.get()
	return info, nil
}

// parseInfo reads an answer of 200 to GET /.
func parseInfo(text []byte, header http.Header) Server {
	server := serverOf(header.Get)
	number := jsoniter.Get(text, "version", "number").ToString() // "" if it is not JSON
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

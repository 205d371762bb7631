package elastic

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"out_es/plugin/bulk"
)

// answerBytes bounds the answer to Ask.
const answerBytes = 256 << 20

// Ask makes a request of any kind, with the client's hosts and credentials, and returns its answer.
// It is for tools: the plugin itself has no use for it. path may have a query; body is JSON, or nil
// for none.
//
// Possible errors: no answer; one that is not 2xx; one that is longer than answerBytes.
func (c *Client) Ask(ctx context.Context, method, path string, body []byte) ([]byte, *bulk.Failure) {
	ctx, attempt := withAttempt(ctx)
	response, err := plainRequest{method, path, body}.Do(ctx, c.api)
	if err != nil {
		failure := c.transportFailure(err, attempt)
		failure.Class = bulk.Unreachable
		return nil, failure
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, c.answerFailure(response.StatusCode, response.Header.Get("Retry-After"), response.Body, attempt)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return nil, c.readFailure(err, attempt)
	}
	return answer, nil
}

// plainRequest is an esapi.Request of any kind.
type plainRequest struct {
	method, path string
	body         []byte
}

// Do implements esapi.Request.
func (p plainRequest) Do(ctx context.Context, transport esapi.Transport) (*esapi.Response, error) {
	request, err := http.NewRequestWithContext(ctx, p.method, p.path, bytes.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	if p.body == nil {
		request.Body = nil
	} else {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := transport.Perform(request)
	if err != nil {
		return nil, err
	}
	return &esapi.Response{StatusCode: response.StatusCode, Body: response.Body, Header: response.Header}, nil
}

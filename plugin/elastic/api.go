package elastic

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
)

// apiTransport sends the requests of esapi, each to the next host.
type apiTransport struct {
	client *Client
	header http.Header
}

// attempt is the outcome of a request, for its sender.
type attempt struct {
	// address is the host that was asked: scheme, host and port.
	address string
	// othersUp means that it gave no answer, and that others are up.
	othersUp bool
}

type attemptKey struct{}

// withAttempt returns a context with an attempt, which the request fills in.
func withAttempt(ctx context.Context) (context.Context, *attempt) {
	a := new(attempt)
	return context.WithValue(ctx, attemptKey{}, a), a
}

// Perform implements esapi.Transport. It gives the request its address and its credential.
//
// Possible errors: *SignError; those of the exchange.
func (t *apiTransport) Perform(req *http.Request) (*http.Response, error) {
	c := t.client
	host, _ := c.hosts.next()
	req.URL.Scheme, req.URL.Host, req.URL.Path = host.url.Scheme, host.url.Host, strings.TrimSuffix(host.url.Path, "/")+req.URL.Path
	for name, values := range t.header {
		if req.Header.Get(name) == "" {
			req.Header[name] = values
		}
	}
	setUserOf(host.url, req)
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		a = new(attempt)
	}
	a.address = host.address
	c.credential.set(req.Header)
	if c.sign != nil {
		if err := t.sign(req); err != nil {
			return nil, err
		}
	}
	c.pools.check()
	began := c.hosts.now()
	response, err := host.pool.RoundTrip(req)
	if err == nil {
		c.hosts.markUp(a.address)
		c.server.add(serverOf(response.Header.Get))
	} else {
		c.noteFailure(req.Context(), a, began)
	}
	return response, err
}

func (t *apiTransport) sign(req *http.Request) error {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	if err := t.client.sign(req, body); err != nil {
		return &SignError{err}
	}
	return nil
}

// SignError is why a request could not be signed: nothing was sent.
type SignError struct{ Err error }

func (e *SignError) Error() string { return "signing: " + e.Err.Error() }

func (e *SignError) Unwrap() error { return e.Err }

package elastic

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// wire is the round tripper below elastictransport, for all requests but those of the bulk API.
type wire struct{ client *Client }

// attempt is what became of a request on the wire, for who sent it.
type attempt struct {
	// address is the host that was asked: scheme, host and port.
	address string
	// elsewhere says that it gave no answer, and that others are up.
	elsewhere bool
}

type attemptKey struct{}

// withAttempt returns a context whose request fills in the attempt.
func withAttempt(ctx context.Context) (context.Context, *attempt) {
	a := new(attempt)
	return context.WithValue(ctx, attemptKey{}, a), a
}

// RoundTrip implements http.RoundTripper. It gives the request what says who asks.
//
// Possible errors: *SignError; those of the exchange.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	c := w.client
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		a = new(attempt)
	}
	a.address = addressOf(req.URL)
	c.credential.set(req.Header)
	if c.sign != nil {
		if err := w.sign(req); err != nil {
			return nil, err
		}
	}
	c.connections.check()
	began := c.hosts.now()
	response, err := c.connections.find(req.URL).RoundTrip(req)
	if err == nil {
		c.hosts.answered(a.address)
		c.server.add(serverOf(response.Header.Get))
	} else {
		c.lost(req.Context(), a, began)
	}
	return response, err
}

func (w *wire) sign(req *http.Request) error {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	if err := w.client.sign(req, body); err != nil {
		return &SignError{err}
	}
	return nil
}

// SignError is why a request could not be signed: nothing was sent.
type SignError struct{ Err error }

func (e *SignError) Error() string { return "signing: " + e.Err.Error() }

func (e *SignError) Unwrap() error { return e.Err }

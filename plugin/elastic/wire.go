package elastic

import (
	"context"
	"errors"
	"net/http"
)

// wire is the transport below elastictransport: the one place that every
// request passes with its address known.
type wire struct {
	hosts      *hosts
	credential credential
	sign       func(req *http.Request, body []byte) error // nil: not signed
	server     *learned
	next       http.RoundTripper
}

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

// RoundTrip implements http.RoundTripper. It gives the request its
// Content-Length, which net/http can't know of a body of a type of ours, and
// what says who asks.
//
// Possible errors: *SignError; those of net/http.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var contents []byte
	b, ok := req.Body.(*body)
	if ok {
		req.ContentLength = b.length
		contents = b.rest
	}
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		a = new(attempt)
	}
	a.address = addressOf(req.URL)
	w.credential.set(req.Header)
	if w.sign != nil {
		if err := w.sign(req, contents); err != nil {
			return nil, &SignError{err}
		}
	}
	if b != nil {
		b.handed = true
	}
	began := w.hosts.now()
	response, err := w.next.RoundTrip(req)
	switch {
	case err == nil:
		w.hosts.answered(a.address)
		w.server.add(serverOf(response.Header))
	case !errors.Is(req.Context().Err(), context.Canceled): // else it is the caller who had enough
		a.elsewhere = w.hosts.lost(a.address, began)
	}
	return response, err
}

// SignError is why a request could not be signed: nothing was sent.
type SignError struct{ Err error }

func (e *SignError) Error() string { return "signing: " + e.Err.Error() }

func (e *SignError) Unwrap() error { return e.Err }

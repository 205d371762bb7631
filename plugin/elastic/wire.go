package elastic

import (
	"context"
	"errors"
	"net/http"
)

// wire is the transport below elastictransport: the one place that every
// request passes with its address known.
type wire struct {
	hosts *hosts
	next  http.RoundTripper
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
// Content-Length, which net/http can't know of a body of a type of ours.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if b, ok := req.Body.(*body); ok {
		req.ContentLength = b.length
		b.handed = true
	}
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		a = new(attempt)
	}
	a.address = addressOf(req.URL)
	began := w.hosts.now()
	response, err := w.next.RoundTrip(req)
	switch {
	case err == nil:
		w.hosts.answered(a.address)
	case !errors.Is(req.Context().Err(), context.Canceled): // else it is the caller who had enough
		a.elsewhere = w.hosts.lost(a.address, began)
	}
	return response, err
}

package bulk

import (
	"fmt"
	"time"
)

// Class is the reason why a request as a whole brought no verdicts on its items. It determines the
// reaction.
type Class uint8

// The classes. Delivered is that of a request whose items were all answered.
const (
	Delivered Class = iota
	// Unreachable: the request did not arrive (refused, DNS, TLS).
	Unreachable
	// Ambiguous: it may have arrived, but its answer is missing, cut off, or doesn't fit the
	// request.
	Ambiguous
	// Throttled: 429.
	Throttled
	// Unavailable: 408, 5xx but 501.
	Unavailable
	// Oversized: 413.
	Oversized
	// Illegal: 400 with Elasticsearch's own error. Something in it is illegal.
	BadRequest
	// Misconfigured is every answer that settings cause, not data: 401, 403,
	// 404, 407, redirects, other 4xx, 501, a proxy's page.
	Misconfigured
	// Canceled: the flush had no time left.
	Canceled
)

var classNames = [...]string{
	Delivered: "delivered", Unreachable: "unreachable", Ambiguous: "ambiguous", Throttled: "throttled",
	Unavailable: "unavailable", Oversized: "oversized", BadRequest: "bad_request", Misconfigured: "misconfigured",
	Canceled: "canceled",
}

func (c Class) String() string { return classNames[c] }

// ClassNames are the names of all classes, for a metric's label.
func ClassNames() []string { return append([]string(nil), classNames[:]...) }

// Failure is why a request as a whole failed.
type Failure struct {
	Class Class
	// Host is who was asked: scheme, host and port, and no user.
	Host string
	// Elsewhere says that nothing was sent, since there was no connection, and
	// that other hosts are up.
	Elsewhere bool
	// Status is the HTTP status, 0 where there was no answer.
	Status int
	// RetryAfter is the pause that the server asked for, 0 for none.
	RetryAfter time.Duration
	// Type and Reason are Elasticsearch's own error, where it gave one.
	Type, Reason string
	// NotSent says that nothing of the request was sent, whatever the class.
	NotSent bool
	// Remedy names the setting to look at.
	Remedy string
	Err    error
}

// Error describes the failure without anything of the records that were sent.
func (f *Failure) Error() string {
	text := f.Class.String()
	if f.Host != "" {
		text += " at " + f.Host
	}
	if f.Status != 0 {
		text = fmt.Sprintf("%s: status %d", text, f.Status)
	}
	if f.Type != "" {
		text = fmt.Sprintf("%s, %s: %s", text, f.Type, RedactOf(f.Type, f.Reason))
	}
	if f.Err != nil {
		text = fmt.Sprintf("%s: %v", text, f.Err)
	}
	if f.Remedy != "" {
		text += " (" + f.Remedy + ")"
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// ClassOf gives the class of an answer other than a readable 200. own says
// that the body is Elasticsearch's own JSON error, not a proxy's.
func ClassOf(status int, own Origin) Class {
	switch {
	case status == 408 || status >= 500 && status != 501:
		return Unavailable
	case status == 429:
		return Throttled
	case status == 413:
		return Oversized
	case status == 400 && own == FromElasticsearch:
		return BadRequest
	case status >= 200 && status < 300:
		return Ambiguous
	}
	return Misconfigured
}

// Origin says who wrote an answer.
type Origin uint8

// FromElsewhere is a page of a proxy or another server.
const (
	FromElsewhere Origin = iota
	FromElasticsearch
)

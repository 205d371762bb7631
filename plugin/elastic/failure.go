package elastic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"

	"out_es/plugin/bulk"
	"out_es/plugin/exchange"
)

// errorBytes is the maximum part of an answer other than 200 that is read: Elasticsearch's error of
// a bulk request is under 1 KB unless it quotes the request.
const errorBytes = 32 << 10

// transportFailure separates requests that can't have arrived from those that may have: the first
// written byte makes the difference.
func (c *Client) transportFailure(err error, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Class: bulk.Unreachable, Host: a.address, Err: stripURL(err), Remedy: transportRemedy(err)}
	if problem, ok := errors.AsType[*SignError](err); ok {
		f.Class, f.Err = bulk.Misconfigured, errors.New(c.Scrub(problem.Error())) // it quotes the answer of a token service
		return f
	}
	refusal, refused := errors.AsType[*exchange.ProxyError](err)
	switch {
	case refused:
		f.Status, f.Class = refusal.Status, bulk.ClassOf(refusal.Status, bulk.FromElsewhere)
	case requestStarted(err):
		f.Class = bulk.Ambiguous
	default:
		f.Elsewhere = a.othersUp
	}
	return f
}

// stripURL removes the url.Error around err, since its text repeats the request's address with
// possible secrets.
func stripURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// readFailure is the failure of an answer of 200 that can't be read to its end.
func (c *Client) readFailure(err error, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Class: bulk.Ambiguous, Host: a.address, Status: http.StatusOK, Err: err, Remedy: transportRemedy(err)}
	if errors.Is(err, bulk.ErrForeign) {
		// A server that answers 200 with a page has not passed the request on.
		f.Class, f.Remedy = bulk.Misconfigured, c.foreignRemedy(a)
	}
	return f
}

// answerFailure reads an answer that is not 200, with its Retry-After.
func (c *Client) answerFailure(status int, pause string, body io.Reader, a *attempt) *bulk.Failure {
	f := &bulk.Failure{Host: a.address, Status: status, RetryAfter: retryAfter(pause)}
	text, _ := io.ReadAll(io.LimitReader(body, errorBytes))
	origin := bulk.FromElsewhere
	if kind, reason, ok := ownError(text); ok {
		origin = bulk.FromElasticsearch
		f.Type, f.Reason = kind, c.Scrub(reason)
	} else if title := titleOf(text); title != "" {
		f.Err = fmt.Errorf("a page titled %q", c.Scrub(title))
	}
	f.Class = bulk.ClassOf(status, origin)
	f.Remedy = c.statusRemedy(status, origin, a)
	return f
}

// ownError recognises {"error":{"type":…,"reason":…},"status":…}, and the
// older {"error":"…","status":…}.
func ownError(text []byte) (kind, reason string, ok bool) {
	if !jsoniter.Valid(text) {
		return "", "", false
	}
	problem := jsoniter.Get(text, "error")
	switch problem.ValueType() {
	case jsoniter.StringValue:
		return "error", problem.ToString(), true
	case jsoniter.ObjectValue:
		return problem.Get("type").ToString(), problem.Get("reason").ToString(), true
	}
	return "", "", false
}

// titleBytes is the maximum length of a page's title in a message.
const titleBytes = 100

// titleOf is the title of a page, which usually names its sender and the reason.
func titleOf(page []byte) string {
	const begin, end = "<title>", "</title>"
	lower := bytes.ToLower(page)
	from := bytes.Index(lower, []byte(begin))
	if from < 0 || len(lower) != len(page) {
		return ""
	}
	from += len(begin)
	length := bytes.Index(lower[from:], []byte(end))
	if length < 0 {
		return ""
	}
	text := bytes.TrimSpace(page[from : from+length])
	return strings.ToValidUTF8(string(text[:min(len(text), titleBytes)]), "")
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110).
func retryAfter(value string) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
	"out_es/plugin/exchange"
)

// call is the memory of one request, reused by the next.
type call struct {
	head    []byte
	request exchange.Request
	attempt attempt
	reader  bulk.AnswerReader
}

// prepare writes the common part of the heads of bulk requests, for each host.
//
// Possible errors: that of a proxy in the environment.
func (c *Client) prepare(header http.Header) error {
	for _, h := range c.hosts.all {
		pool, err := c.pools.pool(h.url)
		if err != nil {
			return err
		}
		h.pool = pool
		for wait, timeout := range [...]time.Duration{bulk.FullWait: c.bulkTimeout, bulk.ShortWait: c.bulkTimeout / shortWaitDivisor} {
			h.bulk[wait] = c.bulkRequest(h.url, header, timeout)
			h.fields[wait] = pool.AppendFields(nil, h.bulk[wait])
		}
	}
	return nil
}

// shortWaitDivisor is the divisor of the bulk timeout for bulk.ShortWait.
const shortWaitDivisor = 10

// bulkRequest is a bulk request to a host, without its body. timeout is the maximum time that the
// server waits for a primary shard, or for an index that is being created; 0 leaves it to the
// server.
func (c *Client) bulkRequest(host *url.URL, header http.Header, timeout time.Duration) *http.Request {
	u := *host
	u.User = nil
	if u.Path == "" {
		u.Path = "/"
	}
	target := u.JoinPath("_bulk")
	query := url.Values{"filter_path": {strings.Join(bulk.FilterPath, ",")}}
	if timeout > 0 {
		query.Set("timeout", fmt.Sprintf("%dms", max(1, timeout.Milliseconds())))
	}
	target.RawQuery = query.Encode()
	r := &http.Request{Method: http.MethodPost, URL: target, Host: u.Host, Header: header.Clone()}
	r.Header.Set("Content-Type", "application/x-ndjson")
	if c.credential.value() == "" {
		setUserOf(host, r)
	}
	return r
}

// setUserOf authenticates with the user of a host's URL, unless a header does already.
func setUserOf(host *url.URL, r *http.Request) {
	if host.User != nil && r.Header.Get("Authorization") == "" {
		password, _ := host.User.Password()
		r.SetBasicAuth(host.User.Username(), password)
	}
}

// Send posts req and calls each for every item of the answer. It returns only when nothing reads
// req's bytes any more.
func (c *Client) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (items int, failure *bulk.Failure) {
	body, err := req.Seal()
	if err != nil {
		return 0, &bulk.Failure{Class: bulk.Unreachable, Err: err}
	}
	c.pools.check()
	host, othersUp := c.hosts.next()
	call := c.calls.Get()
	defer c.calls.Put(call)
	call.attempt = attempt{address: host.address}
	call.request = exchange.Request{Method: http.MethodPost, Body: body}
	if call.head, err = c.appendHead(ctx, call, host, req); err != nil {
		return 0, c.transportFailure(err, &call.attempt)
	}
	call.request.Head = call.head
	if othersUp {
		call.request.ConnectWithin = c.failoverTimeout
	}
	began := c.hosts.now()
	answer, err := host.pool.Do(ctx, &call.request)
	call.request.Body = nil
	if err != nil {
		c.noteFailure(ctx, &call.attempt, began)
		return 0, c.transportFailure(err, &call.attempt)
	}
	defer func() { _ = answer.Close() }()
	c.hosts.markUp(host.address)
	if !c.server.isComplete() {
		c.server.add(serverOf(answer.Field))
	}
	if answer.Status() != http.StatusOK {
		return 0, c.answerFailure(answer.Status(), answer.Field("Retry-After"), answer, &call.attempt)
	}
	items, err = call.reader.Read(answer, each)
	if err != nil {
		return items, c.readFailure(err, &call.attempt)
	}
	return items, nil
}

// appendHead writes the head of a call's bulk request into its memory.
//
// Possible errors: *SignError.
func (c *Client) appendHead(ctx context.Context, to *call, h *host, req *bulk.Request) ([]byte, error) {
	if c.sign != nil {
		return c.appendSigned(ctx, to, h, req)
	}
	dst := append(to.head[:0], h.fields[req.Wait()]...)
	if req.Compression() == bulk.Gzip {
		dst = append(dst, "Content-Encoding: gzip\r\n"...)
	}
	if value := c.credential.value(); value != "" {
		dst = exchange.AppendField(dst, "Authorization", value)
	}
	return exchange.AppendLength(dst, len(to.request.Body)), nil
}

// appendSigned is appendHead for requests whose signature covers head and body. A signer may have
// to ask a service for its key first.
func (c *Client) appendSigned(ctx context.Context, to *call, h *host, req *bulk.Request) ([]byte, error) {
	body := to.request.Body
	r := h.bulk[req.Wait()].Clone(ctx)
	r.ContentLength = int64(len(body))
	if req.Compression() == bulk.Gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	c.credential.set(r.Header)
	var err error
	callback.Offload(ctx, func(context.Context) { err = c.sign(r, body) })
	if err != nil {
		return to.head, &SignError{err}
	}
	return h.pool.AppendHead(to.head[:0], r, len(body)), nil
}

// requestStarted reports whether a byte of the request may have arrived.
func requestStarted(err error) bool {
	problem, ok := errors.AsType[*exchange.Error](err)
	return ok && problem.Started
}

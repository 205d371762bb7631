// Package elastic posts bulk requests to Elasticsearch with the official
// client's own API and transport packages (esapi, elastictransport), of which
// only the parts are linked that a bulk request needs.
//
// It never retries and never sleeps: what an answer asks for is a
// bulk.Failure's class, and package deliver acts on it.
package elastic

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"out_es/plugin/bulk"
	"out_es/plugin/reuse"
)

// Options say where Elasticsearch is and who asks.
type Options struct {
	Hosts          []*url.URL
	User, Password string
	// APIKey is encoded, as Elasticsearch prints it, or "id:key".
	APIKey         string
	ConnectTimeout time.Duration
	// UserAgent names this plugin to the server.
	UserAgent string
	// HostBack is told of a host that answers again, and since when it was
	// away; nil tells nobody. It is called on any goroutine.
	HostBack func(address string, since time.Time)
}

// Client posts bulk requests. It is safe for concurrent use.
type Client struct {
	transport *elastictransport.Client
	http      *http.Transport
	hosts     *hosts
	readers   *reuse.List[*bulk.AnswerReader]
}

const (
	// idleTimeout closes a connection that nobody used. Load balancers cut
	// idle ones after 60 s and more; ours go first, so that no request meets
	// one that is already dead.
	idleTimeout = 50 * time.Second
	// idleConnections is how many stay open to a host: more than Workers
	// would be idle ones.
	idleConnections = 8
	// headerBytes bounds an answer's header.
	headerBytes = 64 << 10
)

// New returns a client. It doesn't connect.
//
// Possible errors: those of elastictransport, for options that contradict.
func New(o Options) (*Client, error) {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	c := &Client{
		http: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    o.ConnectTimeout,
			MaxIdleConnsPerHost:    idleConnections,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: headerBytes,
			DisableCompression:     true,
		},
		hosts:   newHosts(o.Hosts, o.HostBack),
		readers: reuse.NewList(idleConnections, func() *bulk.AnswerReader { return new(bulk.AnswerReader) }),
	}
	header := http.Header{}
	header.Set("Accept", "application/json")
	if authorization := authorization(o); authorization != "" {
		header.Set("Authorization", authorization)
	}
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(o.Hosts...),
		elastictransport.WithTransport(&wire{hosts: c.hosts, next: c.http}),
		elastictransport.WithConnectionPoolFunc(func([]*elastictransport.Connection, elastictransport.Selector) elastictransport.ConnectionPool {
			return c.hosts
		}),
		elastictransport.WithDisableRetry(),
		elastictransport.WithHeader(header),
		elastictransport.WithUserAgent(o.UserAgent),
	)
	if err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	c.transport = transport
	return c, nil
}

// authorization is the header that the options ask for; user info in a host's
// URL is the transport's work.
func authorization(o Options) string {
	switch {
	case o.APIKey != "" && strings.Contains(o.APIKey, ":"):
		return "ApiKey " + base64.StdEncoding.EncodeToString([]byte(o.APIKey))
	case o.APIKey != "":
		return "ApiKey " + o.APIKey
	case o.User != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Password))
	}
	return ""
}

// Close drops the idle connections. Requests in progress go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Send posts req and calls each for every item of the answer. It returns only
// once nothing reads req's bytes any more.
func (c *Client) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (items int, failure *bulk.Failure) {
	bytes, err := req.Seal()
	if err != nil {
		return 0, &bulk.Failure{Class: bulk.Unreachable, Err: err}
	}
	ctx, cancel := context.WithCancel(ctx)
	ctx, attempt := withAttempt(ctx)
	body := newBody(bytes)
	defer func() {
		cancel() // ends a transport that still writes after an early answer
		body.wait()
	}()
	call := esapi.BulkRequest{Body: body, FilterPath: bulk.FilterPath, Header: http.Header{}}
	call.Header.Set("Content-Type", "application/x-ndjson")
	if req.Compression() == bulk.Gzip {
		call.Header.Set("Content-Encoding", "gzip")
	}
	response, err := call.Do(ctx, c.transport)
	if err != nil {
		cancel()
		body.wait() // so that whether it was read is known
		return 0, transportFailure(err, body, attempt)
	}
	defer closeAnswer(response.Body)
	if response.StatusCode != http.StatusOK {
		return 0, answerFailure(response, attempt)
	}
	reader := c.readers.Get()
	defer c.readers.Put(reader)
	items, err = reader.Read(response.Body, each)
	if err != nil {
		return items, readFailure(err, attempt)
	}
	return items, nil
}

// closeAnswer reads a short rest, so that the connection can be used again,
// and closes.
func closeAnswer(body io.ReadCloser) {
	const rest = 4 << 10
	_, _ = io.CopyN(io.Discard, body, rest)
	_ = body.Close()
}

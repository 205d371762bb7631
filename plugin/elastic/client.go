// Package elastic posts bulk requests to Elasticsearch with the official
// client's own API and transport packages (esapi, elastictransport), of which
// only the parts are linked that a bulk request needs.
//
// It never retries and never sleeps: what an answer asks for is a
// bulk.Failure's class, and package deliver acts on it.
package elastic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"out_es/plugin/bulk"
	"out_es/plugin/reuse"
)

// Options say where Elasticsearch is and who asks. Of the credentials at most
// one is given.
type Options struct {
	// Hosts are asked in turn. A URL may have a user and a path.
	Hosts          []*url.URL
	User, Password string
	// UserOption names the setting that User comes from, for messages; "" is
	// HTTP_User.
	UserOption string
	// APIKey is encoded, as Elasticsearch prints it, or "id:key".
	APIKey string
	// TokenFile has a bearer token.
	TokenFile string
	// Sign gives a request whose body is known its signature; nil signs none.
	Sign func(req *http.Request, body []byte) error
	// Hidden is a secret of Sign's.
	Hidden string
	// Header is added to every request. It may have an Authorization.
	Header http.Header
	// Proxy is asked to pass requests on; nil means what the environment says,
	// NoProxy none.
	Proxy          *url.URL
	TLS            TLS
	ConnectTimeout time.Duration
	// UserAgent names this plugin to the server.
	UserAgent string
	// HostBack is told of a host that answers again, and since when it was
	// away; nil tells nobody. It is called on any goroutine.
	HostBack func(address string, since time.Time)
	// Trouble is told of an option whose file changed and can't be used: what
	// it held before stays in force. It is called on any goroutine.
	Trouble func(option string, err error)
}

func (o *Options) trouble(option string, err error) {
	if o.Trouble != nil {
		o.Trouble(option, err)
	}
}

// Client posts bulk requests. It is safe for concurrent use.
type Client struct {
	transport  *elastictransport.Client
	lines      *lines
	hosts      *hosts
	credential credential
	secrets    []string
	server     learned
	readers    *reuse.List[*bulk.AnswerReader]
}

// New returns a client. It reads the files that the options name, and doesn't
// connect.
//
// Possible errors: *OptionError for a file that can't be used, several joined;
// those of elastictransport, for options that contradict.
func New(o Options) (*Client, error) {
	lines, problems := newLines(o)
	credential, err := newCredential(o)
	if problems = errors.Join(problems, err); problems != nil {
		return nil, problems
	}
	c := &Client{
		lines: lines, credential: credential, secrets: secretsOf(o), hosts: newHosts(o.Hosts, o.HostBack),
		readers: reuse.NewList(idleConnections, func() *bulk.AnswerReader { return new(bulk.AnswerReader) }),
	}
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Accept", "application/json")
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(o.Hosts...),
		elastictransport.WithTransport(&wire{hosts: c.hosts, credential: credential, sign: o.Sign, server: &c.server, next: lines}),
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

// Close drops the idle connections. Requests in progress go on.
func (c *Client) Close() { c.lines.closeIdle() }

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
		return 0, c.transportFailure(err, body, attempt)
	}
	defer closeAnswer(response.Body)
	if response.StatusCode != http.StatusOK {
		return 0, c.answerFailure(response, attempt)
	}
	reader := c.readers.Get()
	defer c.readers.Put(reader)
	items, err = reader.Read(response.Body, each)
	if err != nil {
		return items, c.readFailure(err, attempt)
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

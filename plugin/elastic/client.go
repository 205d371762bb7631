// Package elastic talks to Elasticsearch. Bulk requests use an exchange on a kept-alive connection
// (package exchange). The startup check and templates are requests of the official client's API
// package (esapi), over the same connections.
//
// It never retries and never sleeps: the class of a bulk.Failure tells package deliver how to
// react.
package elastic

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"out_es/plugin/pool"
)

// idleCalls is how many requests at a time find their memory ready: more than Workers.
const idleCalls = 8

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
	// APIKeyFile has an API key in one of these forms.
	APIKeyFile string
	// TokenFile has a bearer token.
	TokenFile string
	// Sign signs a request with this body; nil signs none.
	Sign func(req *http.Request, body []byte) error
	// SignSecret is a secret of Sign's.
	SignSecret string
	// Header is added to every request. It may have an Authorization.
	Header http.Header
	// Proxy forwards requests; nil means the proxies of the environment, NoProxy none.
	Proxy          *url.URL
	TLS            TLS
	ConnectTimeout time.Duration
	// Budget is how long a flush goes on without progress (Retry_Budget). While other hosts are
	// up, a connection gets a share of it to be made in, so that no host that swallows packets
	// uses it up; 0 sets no such limit.
	Budget time.Duration
	// BulkTimeout is the maximum time that the server waits for a missing part of an item's
	// destination, such as a primary shard, before it answers; 0 is the server's default.
	BulkTimeout time.Duration
	// UserAgent names this plugin to the server.
	UserAgent string
	// OnHostUp is called when a host answers again, with the time of its first failure; nil for
	// none. It may be called on any goroutine.
	OnHostUp func(address string, since time.Time)
	// OnFileError is called for an option with a changed file that can't be used: its previous
	// content stays in force. It may be called on any goroutine.
	OnFileError func(option string, err error)
}

func (o *Options) fileError(option string, err error) {
	if o.OnFileError != nil {
		o.OnFileError(option, err)
	}
}

// failoverTimeout is how long a connection may take to be made while other hosts are up: all hosts
// but one may be tried in vain within the budget. 0 is as long as ever.
func (o *Options) failoverTimeout() time.Duration {
	if o.Budget == 0 {
		return 0
	}
	return max(minConnectTimeout, o.Budget/time.Duration(len(o.Hosts)))
}

// Client posts bulk requests. It is safe for concurrent use.
type Client struct {
	api             *apiTransport
	pools           *pools
	hosts           *hosts
	credential      credential
	sign            func(req *http.Request, body []byte) error // nil: not signed
	secrets         []string
	server          discovered
	failoverTimeout time.Duration
	bulkTimeout     time.Duration
	calls           *pool.Pool[*call]
}

// New returns a client. It reads the files that the options name, and doesn't
// connect.
//
// Possible errors: *OptionError for a file that can't be used, several joined;
// one for a proxy in the environment.
func New(o Options) (*Client, error) {
	pools, problems := newPools(o)
	credential, err := newCredential(o)
	if problems = errors.Join(problems, err); problems != nil {
		return nil, problems
	}
	c := &Client{
		pools: pools, credential: credential, sign: o.Sign, secrets: secretsOf(o), hosts: newHosts(o.Hosts, o.OnHostUp),
		failoverTimeout: o.failoverTimeout(), bulkTimeout: o.BulkTimeout, calls: pool.New(idleCalls, func() *call { return new(call) }),
	}
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Accept", "application/json")
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", o.UserAgent)
	}
	if err := c.prepare(header); err != nil {
		return nil, err
	}
	c.api = &apiTransport{client: c, header: header}
	return c, nil
}

// Close drops the idle connections. Requests in progress go on.
func (c *Client) Close() { c.pools.close() }

// noteFailure notes that a request got no answer, unless its sender had enough.
func (c *Client) noteFailure(ctx context.Context, a *attempt, began time.Time) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		a.othersUp = c.hosts.markDown(a.address, began)
	}
}

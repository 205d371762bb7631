// Package exchange makes HTTP/1.1 requests on kept-alive connections, in the calling goroutine: it
// writes the request with one system call, and reads the answer with the next. A small request with
// a prompt answer involves no other goroutine and no timer. It never sends a request again once a
// byte of it was written. docs/adr/0023 has the measurements.
//
// The answer's parser is fuzzed against net/http's.
package exchange

import (
	"context"
	"crypto/tls"
	"net/url"
	"slices"
	"sync"
	"time"

	"out_es/plugin/guard"
)

const (
	// idleTime is the time after which an unused connection is closed. Load balancers cut idle ones
	// after 60 s and more; ours end first, so that no request meets a dead one.
	idleTime = 50 * time.Second
	// idleConnections is the number of open connections to a host that are kept: more than Workers
	// would be idle ones.
	idleConnections = 8
)

// Request is one request. Nothing reads it any more after Do has returned.
type Request struct {
	// Method is the one in Head: the framing of the answer depends on it.
	Method string
	// Head is the request line and the header fields, the empty line included.
	Head []byte
	Body []byte
	// ConnectWithin shortens the pool's time for a new connection; 0 does not.
	ConnectWithin time.Duration
}

// Error is the reason why a request has no answer.
type Error struct {
	// Started reports whether the kernel accepted bytes of the request, so that it may have
	// arrived.
	Started bool
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Options configure the connections to a host.
type Options struct {
	// URL has the scheme, http or https, and the host.
	URL *url.URL
	// Proxy is nil for a direct connection.
	Proxy *url.URL
	// TLS returns the configuration for connections to a name.
	TLS func(name string) *tls.Config
	// ConnectTimeout bounds the time to connect, including TLS.
	ConnectTimeout time.Duration
}

// Pool holds the connections to one host. It is safe for concurrent use.
type Pool struct {
	options Options

	mu         sync.Mutex
	idle       []*connection // the most recently used one last
	config     func(name string) *tls.Config
	generation int // of config
	closed     bool
	sweeper    *time.Timer
}

// NewPool returns a pool without connections.
func NewPool(o Options) *Pool { return &Pool{options: o, config: o.TLS} }

// Do sends a request and returns its answer, which must be closed. A kept connection that turns out
// to be closed before the first byte costs nothing: Do takes the next one, or connects.
//
// Possible errors: *Error.
func (p *Pool) Do(ctx context.Context, r *Request) (*Answer, error) {
	for {
		c := p.get()
		kept := c != nil
		if !kept {
			var err error
			if c, err = p.connect(ctx, r); err != nil {
				return nil, &Error{Err: err}
			}
		}
		answer, err := c.exchange(ctx, r)
		if err == nil {
			return answer, nil
		}
		if problem, ok := err.(*Error); !ok || !kept || problem.Started || ctx.Err() != nil {
			return nil, err
		}
	}
}

// get returns the most recently used kept connection, and drops dead ones. nil is none.
func (p *Pool) get() *connection {
	for {
		p.mu.Lock()
		last := len(p.idle) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		p.mu.Unlock()
		if time.Since(c.since) < idleTime && c.isAlive() {
			return c
		}
		_ = c.Close()
	}
}

// put keeps a connection after its exchange.
func (p *Pool) put(c *connection) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.generation != p.generation || len(p.idle) >= idleConnections {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
	if p.sweeper == nil {
		p.sweeper = guard.AfterFunc(idleTime, noSweep, p.sweep)
	}
}

// noSweep ignores a panic of sweep: idle connections then stay until they are checked for reuse.
func noSweep(any) {}

// sweep closes connections that were idle for long. One timer serves all of them.
func (p *Pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeper = nil
	if p.closed {
		return
	}
	old := 0
	for old < len(p.idle) && time.Since(p.idle[old].since) >= idleTime {
		_ = p.idle[old].Close()
		old++
	}
	p.idle = slices.Delete(p.idle, 0, old)
	if len(p.idle) > 0 {
		p.sweeper = guard.AfterFunc(idleTime-time.Since(p.idle[0].since), noSweep, p.sweep)
	}
}

// Renew makes new connections with another configuration. Running exchanges end on the old ones.
func (p *Pool) Renew(config func(name string) *tls.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = config
	p.generation++
	p.drop()
}

// Close closes idle connections, and each that becomes idle later.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.drop()
	if p.sweeper != nil {
		p.sweeper.Stop()
		p.sweeper = nil
	}
}

func (p *Pool) drop() {
	for _, c := range p.idle {
		_ = c.Close()
	}
	clear(p.idle)
	p.idle = p.idle[:0]
}

// current returns the configuration for new connections.
func (p *Pool) current() (config func(name string) *tls.Config, generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config, p.generation
}

package faults

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options configure a proxy.
type Options struct {
	// Target is Elasticsearch's address, such as "http://127.0.0.1:9200".
	Target string
	// Seed determines the faults of requests and TLS connections.
	Seed  uint64
	Rules []Rule
	// MaxBytes is the maximum size of a request, uncompressed, beyond which the answer is 413; 0 is
	// no limit.
	MaxBytes int
	// Guilty reports whether an item makes the whole request illegal: 400, with a reason that
	// quotes the document.
	Guilty func(action, document []byte) bool
	// Busy reports whether an item is answered with 429 now, in every request that is passed on, as
	// a shard without room answers its own items. It is called by several goroutines.
	Busy func(action, document []byte) bool
	// Patience is the minimum time that the client waits for an answer. A later answer counts as
	// lost. 0 is for ever.
	Patience time.Duration
	// TLS makes it an https address with a certificate of the proxy's own.
	TLS *TLS
}

// Proxy is the proxy of one Elasticsearch. It is safe for concurrent use.
type Proxy struct {
	options  Options
	target   *url.URL
	client   *http.Client
	server   *httptest.Server
	chooser  *chooser
	ledger   ledger
	closing  chan struct{}
	handlers sync.WaitGroup
	closed   sync.Once
}

// forwardPatience bounds the target's time: far longer than any client waits.
const forwardPatience = time.Minute

// Start returns a proxy that listens, until Close.
// Possible errors: the target is no URL; the rules' shares come to more than 1.
func Start(o Options) (*Proxy, error) {
	target, err := url.Parse(strings.TrimRight(o.Target, "/"))
	if err != nil || target.Host == "" {
		return nil, errors.New("faults: the target is not a URL such as http://127.0.0.1:9200")
	}
	choices, err := newChooser(o.Seed, o.Rules)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		options: o, target: target, chooser: choices, closing: make(chan struct{}),
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       forwardPatience,
		},
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken handshakes are intended
	if o.TLS != nil {
		p.server.Listener = newTLSListener(p.server.Listener, o.Seed, *o.TLS, &p.ledger)
		p.server.StartTLS()
	} else {
		p.server.Start()
	}
	return p, nil
}

// URL is the proxy's address, without a trailing slash.
func (p *Proxy) URL() string { return p.server.URL }

// CertificatePEM is the certificate to trust, of a proxy with TLS.
func (p *Proxy) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// Set replaces the rules for the following requests. Without rules the proxy is honest. Possible
// error: their shares add up to more than 1.
func (p *Proxy) Set(rules ...Rule) error { return p.chooser.set(rules) }

// Account returns the record so far. It is final only after Close: the end of a client shows late.
func (p *Proxy) Account() *Account { return p.ledger.snapshot() }

// Close ends the proxy after the requests under way. A second call does nothing.
func (p *Proxy) Close() {
	p.closed.Do(func() {
		close(p.closing)
		p.server.Close()
		p.handlers.Wait()
		p.client.CloseIdleConnections()
	})
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.handlers.Add(1)
	defer p.handlers.Done()
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/_bulk") {
		p.pass(w, r)
		return
	}
	x := &exchange{proxy: p, w: w, r: r, choice: p.chooser.next(), place: p.ledger.open(), began: time.Now()}
	x.run()
}

// pass is an honest proxy.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a, err := p.forward(r, body)
	if err != nil {
		http.Error(w, "the target does not answer", http.StatusBadGateway)
		return
	}
	_ = respond(w, a)
}

// forward sends body to the target with r's path and header. It goes on when the client leaves, as
// Elasticsearch would. Possible errors: the target can't be reached, or its answer can't be read.
func (p *Proxy) forward(r *http.Request, body []byte) (*answer, error) {
	ctx := context.WithoutCancel(r.Context())
	out, err := http.NewRequestWithContext(ctx, r.Method, p.target.String()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the answer is parsed
	response, err := p.client.Do(out)
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	return &answer{status: response.StatusCode, header: response.Header, body: text}, nil
}

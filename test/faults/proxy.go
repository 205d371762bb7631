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

// Options say where a proxy stands and what it does.
type Options struct {
	// Target is Elasticsearch's address, such as "http://127.0.0.1:9200".
	Target string
	// Seed decides what each request, and each TLS connection, meets.
	Seed  uint64
	Rules []Rule
	// MaxBytes is the largest request, uncompressed, that is not answered with 413; 0 is no limit.
	MaxBytes int
	// Guilty says of an item that it makes the whole request illegal: 400, with a reason that quotes the document.
	Guilty func(action, document []byte) bool
	// Patience is how long the client waits for an answer for sure. One that takes longer counts as lost. 0 is for ever.
	Patience time.Duration
	// TLS makes it an https address, whose certificate is the proxy's own.
	TLS *TLS
}

// Proxy stands before one Elasticsearch. Safe for concurrent use.
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

// forwardPatience bounds what the target may take: far longer than any client waits.
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
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken handshakes are what is asked for
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

// Set replaces the rules, for the requests that come next. No rules make an honest proxy.
// Possible error: their shares come to more than 1.
func (p *Proxy) Set(rules ...Rule) error { return p.chooser.set(rules) }

// Account returns what was done so far. It is final after Close only: that a client gave up shows late.
func (p *Proxy) Account() *Account { return p.ledger.snapshot() }

// Close ends the proxy, once the requests under way are done with. A second call does nothing.
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

// forward sends body to the target with r's path and header. The client's leaving does not end it: what Elasticsearch was
// asked to do it does. Possible errors: the target can't be reached, or its answer not be read.
func (p *Proxy) forward(r *http.Request, body []byte) (*answer, error) {
	ctx := context.WithoutCancel(r.Context())
	out, err := http.NewRequestWithContext(ctx, r.Method, p.target.String()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the answer is taken apart
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

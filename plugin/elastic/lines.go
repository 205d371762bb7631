package elastic

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

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

// lines hold the connections: a transport for each host, since a host's
// certificate is checked against its own name. When a file that TLS reads
// changes, all are made anew: requests under way end on the old ones, and the
// next goes out with what the files say now. It is safe for concurrent use.
type lines struct {
	connect time.Duration
	tls     TLS
	proxy   proxyFor
	files   watched

	mu         sync.Mutex
	material   *material
	transports map[string]*http.Transport // by host and port
}

// newLines reads the files of TLS.
//
// Possible errors: *OptionError.
func newLines(o Options) (*lines, error) {
	except := os.Getenv("NO_PROXY")
	if except == "" {
		except = os.Getenv("no_proxy")
	}
	l := &lines{connect: o.ConnectTimeout, tls: o.TLS, proxy: newProxy(o.Proxy, except), material: &material{}, transports: map[string]*http.Transport{}}
	l.files.paths = o.TLS.files()
	l.files.use = func(contents [][]byte) error {
		m, err := o.TLS.load(contents)
		if err == nil {
			l.renew(m)
		}
		return err
	}
	l.files.complain = func(err error) { o.trouble("TLS_CA_File, TLS_Crt_File or TLS_Key_File", err) }
	if err := l.files.check(); err != nil {
		return nil, asOptionError(err, o.TLS)
	}
	return l, nil
}

// renew drops the connections that were made with other material.
func (l *lines) renew(m *material) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, transport := range l.transports {
		transport.CloseIdleConnections() // and each that becomes idle later
	}
	l.material = m
	clear(l.transports)
}

// RoundTrip implements http.RoundTripper.
func (l *lines) RoundTrip(req *http.Request) (*http.Response, error) {
	_ = l.files.check() // it complains itself, and what was read before stays
	return l.to(req.URL.Host, req.URL.Hostname()).RoundTrip(req)
}

func (l *lines) to(address, host string) *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	if transport, known := l.transports[address]; known {
		return transport
	}
	dialer := &net.Dialer{Timeout: l.connect, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext:            dialLine(dialer.DialContext),
		TLSClientConfig:        l.tls.config(l.material, host),
		TLSHandshakeTimeout:    l.connect,
		Proxy:                  l.proxy,
		OnProxyConnectResponse: checkProxyAnswer,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: headerBytes,
		DisableCompression:     true,
	}
	l.transports[address] = transport
	return transport
}

// closeIdle drops the connections that nobody uses.
func (l *lines) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, transport := range l.transports {
		transport.CloseIdleConnections()
	}
}

// asOptionError names the option whose file could not be read.
func asOptionError(err error, t TLS) error {
	file, ok := errors.AsType[*os.PathError](err)
	if !ok {
		return err
	}
	option := "TLS_Key_File"
	switch file.Path {
	case t.CAFile:
		option = "TLS_CA_File"
	case t.CertFile:
		option = "TLS_Crt_File"
	}
	return &OptionError{option, file.Path, unreadable(file)}
}

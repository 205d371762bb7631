package elastic

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"out_es/plugin/exchange"
)

// minConnectTimeout is the minimum time to connect, however many hosts there are: one lost packet
// is retransmitted sooner.
const minConnectTimeout = 500 * time.Millisecond

// pools are the connection pools, one for each host. When a file of TLS changes, connections are
// renewed: running requests end on the old ones, and the next uses the new files. It is safe for
// concurrent use.
type pools struct {
	connectTimeout time.Duration
	tls            TLS
	proxy          proxyFor
	files          watchedFiles

	mu        sync.Mutex
	loaded    *tlsFiles
	byAddress map[string]*exchange.Pool // by scheme, host and port
}

// newPools reads the files of TLS.
//
// Possible errors: *OptionError.
func newPools(o Options) (*pools, error) {
	except := os.Getenv("NO_PROXY")
	if except == "" {
		except = os.Getenv("no_proxy")
	}
	c := &pools{connectTimeout: o.ConnectTimeout, tls: o.TLS, proxy: newProxy(o.Proxy, except), loaded: &tlsFiles{}, byAddress: map[string]*exchange.Pool{}}
	c.files.paths = o.TLS.paths()
	c.files.apply = func(contents [][]byte) error {
		m, err := o.TLS.load(contents)
		if err == nil {
			c.renew(m)
		}
		return err
	}
	c.files.onError = func(err error) { o.fileError("TLS_CA_File, TLS_Crt_File or TLS_Key_File", err) }
	if err := c.files.check(); err != nil {
		return nil, asOptionError(err, o.TLS)
	}
	return c, nil
}

// renew drops the connections that were made with other material.
func (c *pools) renew(m *tlsFiles) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = m
	for _, pool := range c.byAddress {
		pool.Renew(c.configs(m))
	}
}

func (c *pools) configs(m *tlsFiles) func(name string) *tls.Config {
	return func(name string) *tls.Config { return c.tls.config(m, name) }
}

// check reads files that changed. If they can't be used, the previous ones stay in force.
func (c *pools) check() { _ = c.files.check() }

// errEnvironmentProxy quotes nothing: the value may contain a password.
var errEnvironmentProxy = errors.New("elastic: HTTPS_PROXY or HTTP_PROXY in the environment is not the URL of a proxy (http, https, socks5 or socks5h)")

// pool returns the pool of a host.
//
// Possible errors: errEnvironmentProxy.
func (c *pools) pool(u *url.URL) (*exchange.Pool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address := addressOf(u)
	if pool, known := c.byAddress[address]; known {
		return pool, nil
	}
	var proxy *url.URL
	if c.proxy != nil {
		var err error
		if proxy, err = c.proxy(&http.Request{URL: u}); err != nil {
			return nil, errEnvironmentProxy
		}
	}
	if proxy != nil {
		switch proxy.Scheme {
		case "http", "https", "socks5", "socks5h":
		default:
			return nil, errEnvironmentProxy
		}
	}
	pool := exchange.NewPool(exchange.Options{URL: u, Proxy: proxy, TLS: c.configs(c.loaded), ConnectTimeout: c.connectTimeout})
	c.byAddress[address] = pool
	return pool, nil
}

// close drops the idle connections.
func (c *pools) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pool := range c.byAddress {
		pool.Close()
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
	return &OptionError{option, file.Path, readError(file)}
}

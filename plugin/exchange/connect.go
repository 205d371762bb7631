package exchange

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"out_es/plugin/callback"
)

// keepAlive is the interval at which the kernel probes the other side of an idle connection.
const keepAlive = 30 * time.Second

// ports are the default ports of schemes.
var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// addressOf is the host and port of a URL.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// ProxyError is the answer of a proxy that refuses a connection.
type ProxyError struct {
	Status int
	// Proxy is its scheme, host and port.
	Proxy string
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s answered %d %s", e.Proxy, e.Status, http.StatusText(e.Status))
}

// connectTimeout is the error of a connection that took too long, for other reasons than the end of
// the exchange's own time.
type connectTimeout struct{}

func (connectTimeout) Error() string { return "the connection was not made in time" }

// Timeout implements net.Error.
func (connectTimeout) Timeout() bool { return true }

// Temporary implements net.Error.
func (connectTimeout) Temporary() bool { return true }

// AbsoluteForm reports whether requests have the scheme and the host in their first line, and the
// proxy's credentials in their header: to a proxy that forwards requests, not connections.
func (p *Pool) AbsoluteForm() bool {
	proxy := p.options.Proxy
	return proxy != nil && p.options.URL.Scheme == "http" && (proxy.Scheme == "http" || proxy.Scheme == "https")
}

// proxyAuthorization is the credential for the proxy, "" for none.
func (p *Pool) proxyAuthorization() string {
	if p.options.Proxy == nil || p.options.Proxy.User == nil {
		return ""
	}
	password, _ := p.options.Proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.options.Proxy.User.Username()+":"+password))
}

// connect makes a connection. Name resolution needs a large stack and may take long, so it never
// runs on the host's thread.
func (p *Pool) connect(ctx context.Context, r *Request) (c *connection, err error) {
	callback.Offload(ctx, func(ctx context.Context) { c, err = p.dial(ctx, r.ConnectWithin) })
	return c, err
}

func (p *Pool) dial(ctx context.Context, within time.Duration) (*connection, error) {
	limit := p.options.ConnectTimeout
	if within > 0 {
		limit = min(limit, within)
	}
	inTime, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	d := &dialing{ctx: inTime, limit: limit, options: &p.options}
	var generation int
	d.config, generation = p.current()
	conn, err := d.dial()
	if err != nil {
		if d.socket != nil {
			_ = d.socket.Close()
		}
		if _, named := errors.AsType[*net.OpError](err); !named && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = connectTimeout{}
		}
		return nil, err
	}
	return newConnection(p, conn, d.socket, generation), nil
}

// dialing is a connection that is being made.
type dialing struct {
	ctx     context.Context
	limit   time.Duration
	options *Options
	config  func(name string) *tls.Config
	socket  *socket
}

// dial connects to the host, through the proxy if there is one.
//
// Possible errors: *ProxyError; *net.OpError, with the operation "proxyconnect" or "socks connect"
// if the proxy can't be reached; those of crypto/tls.
func (d *dialing) dial() (net.Conn, error) {
	host, proxy := d.options.URL, d.options.Proxy
	var conn net.Conn
	var err error
	switch {
	case proxy == nil:
		conn, err = d.open(host)
	case proxy.Scheme == "socks5" || proxy.Scheme == "socks5h":
		conn, err = d.throughSOCKS(proxy, addressOf(host))
	default:
		conn, err = d.throughHTTP(proxy, host)
	}
	if err == nil && host.Scheme == "https" {
		conn, err = d.secure(conn, host.Hostname())
	}
	return conn, err
}

func (d *dialing) open(u *url.URL) (net.Conn, error) {
	dialer := net.Dialer{Timeout: d.limit, KeepAlive: keepAlive}
	conn, err := dialer.DialContext(d.ctx, "tcp", addressOf(u))
	if err != nil {
		return nil, err
	}
	d.socket, err = newSocket(conn.(*net.TCPConn))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return d.socket, nil
}

func (d *dialing) secure(conn net.Conn, name string) (net.Conn, error) {
	config := d.config(name).Clone()
	if config.ServerName == "" {
		config.ServerName = name
	}
	config.NextProtos = []string{"http/1.1"}
	// Small records at a connection's beginning are for browsers that paint while they read.
	config.DynamicRecordSizingDisabled = true
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(d.ctx); err != nil {
		return nil, err
	}
	return secured, nil
}

// throughHTTP connects to a proxy, and through it for a host with TLS.
func (d *dialing) throughHTTP(proxy, host *url.URL) (net.Conn, error) {
	conn, err := d.open(proxy)
	if err == nil && proxy.Scheme == "https" {
		conn, err = d.secure(conn, proxy.Hostname())
	}
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	if host.Scheme == "http" {
		return conn, nil
	}
	stop := d.watch()
	defer stop()
	pool := Pool{options: *d.options}
	text := "CONNECT " + addressOf(host) + " HTTP/1.1\r\nHost: " + addressOf(host) + "\r\n"
	if credential := pool.proxyAuthorization(); credential != "" {
		text += "Proxy-Authorization: " + credential + "\r\n"
	}
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	status, err := connectAnswer(conn)
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	if status != http.StatusOK {
		return nil, &ProxyError{status, proxy.Scheme + "://" + proxy.Host}
	}
	return conn, nil
}

// connectAnswer reads the answer to CONNECT, byte by byte: the bytes behind it belong to the host.
func connectAnswer(conn net.Conn) (status int, err error) {
	text := make([]byte, 0, 256)
	for one := make([]byte, 1); len(text) < headBytes; {
		if _, err := io.ReadFull(conn, one); err != nil {
			return 0, err
		}
		text = append(text, one[0])
		if !bytes.HasSuffix(text, []byte("\n\r\n")) && !bytes.HasSuffix(text, []byte("\n\n")) {
			continue
		}
		h, err := parseHead(text)
		if err != nil {
			return 0, err
		}
		if !h.interim() {
			return h.status, nil
		}
		text = text[:0]
	}
	return 0, errHeadSize
}

// watch interrupts the connection when the time is over.
func (d *dialing) watch() (stop func()) {
	if deadline, bounded := d.ctx.Deadline(); bounded {
		_ = d.socket.SetDeadline(deadline)
	}
	s := d.socket
	ended := context.AfterFunc(d.ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })
	return func() {
		ended()
		_ = s.SetDeadline(time.Time{})
	}
}

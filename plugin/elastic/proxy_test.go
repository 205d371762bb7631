package elastic_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/test/support"
)

// forwarder is a proxy that forwards requests and tunnels of clients with the password.
type forwarder struct {
	address string
	login   string // user:password; "" admits all
	refuse  int    // a status for all, 0 for none

	mu    sync.Mutex
	asked []string // requested addresses
}

func newForwarder(t *testing.T, login string, refuse int) *forwarder {
	t.Helper()
	f := &forwarder{login: login, refuse: refuse}
	f.address = newServer(t, f.serve).URL
	return f
}

func (f *forwarder) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func (f *forwarder) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.Host)
	f.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(f.login))
	switch {
	case f.refuse != 0:
		http.Error(w, "no", f.refuse)
	case f.login != "" && r.Header.Get("Proxy-Authorization") != want:
		http.Error(w, "who?", http.StatusProxyAuthRequired)
	case r.Method == http.MethodConnect:
		support.ServeTunnel(w, r.Host)
	default:
		r.RequestURI = ""
		r.Header.Del("Proxy-Authorization")
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}
}

func TestProxiesByOption(t *testing.T) {
	authority := support.NewAuthority(t, "ours")
	tlsOptions := elastic.TLS{CAFile: write(t, filepath.Join(t.TempDir(), "ca.pem"), authority.PEM())}
	hosts := map[string]string{
		"http":  newServer(t, accept(1)).URL,
		"https": secureServer(t, &tls.Config{Certificates: []tls.Certificate{authority.Issue(support.Subject{Hosts: []string{"127.0.0.1"}}).TLS(t)}}),
	}
	for scheme, host := range hosts {
		for name, c := range map[string]struct {
			proxy  *forwarder
			user   *url.Userinfo
			class  bulk.Class
			remedy string
		}{
			"it lets everybody through": {newForwarder(t, "", 0), nil, bulk.Delivered, ""},
			"it wants a password":       {newForwarder(t, "u:p@ss", 0), url.UserPassword("u", "p@ss"), bulk.Delivered, ""},
			"it gets none":              {newForwarder(t, "u:p", 0), nil, bulk.Misconfigured, "the URL in Proxy"},
			"it gets a wrong one":       {newForwarder(t, "u:p", 0), url.UserPassword("u", "hush5"), bulk.Misconfigured, "the URL in Proxy"},
			"it refuses":                {newForwarder(t, "", 403), nil, bulk.Misconfigured, ""},
		} {
			t.Run(scheme+", "+name, func(t *testing.T) {
				proxy, err := url.Parse(c.proxy.address)
				if err != nil {
					t.Fatal(err)
				}
				proxy.User = c.user
				failure := post(t, newClient(t, elastic.Options{Proxy: proxy, TLS: tlsOptions}, host))
				if c.proxy.requests() != 1 {
					t.Errorf("the proxy saw %v", c.proxy.asked)
				}
				if failure == nil {
					if c.class != bulk.Delivered {
						t.Error("it was delivered")
					}
					return
				}
				if failure.Class != c.class {
					t.Errorf("%v", failure)
				}
				if !strings.Contains(failure.Remedy, c.remedy) || failure.Remedy == "" || strings.Contains(failure.Error(), "hush5") {
					t.Errorf("%v", failure)
				}
			})
		}
	}
}

func TestAnUnreachableProxy(t *testing.T) {
	host := newServer(t, accept(1)).URL
	for _, scheme := range []string{"http", "socks5"} {
		proxy, err := url.Parse(scheme + "://u:hush5@" + unused(t))
		if err != nil {
			t.Fatal(err)
		}
		failure := post(t, newClient(t, elastic.Options{Proxy: proxy}, host))
		if failure == nil || failure.Class != bulk.Unreachable || !strings.Contains(failure.Remedy, "Proxy") || strings.Contains(failure.Error(), "hush5") {
			t.Errorf("%s: %v", scheme, failure)
		}
	}
}

// TestSOCKS uses a proxy with just enough of RFC 1928 for one connection.
func TestSOCKS(t *testing.T) {
	host := newServer(t, accept(1)).URL
	address := listen(t, func(c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		greeting := make([]byte, 3) // version 5, one method: none
		if _, err := io.ReadFull(r, greeting); err != nil {
			return
		}
		_, _ = c.Write([]byte{5, 0})
		request := make([]byte, 10) // CONNECT to an IPv4 address
		if _, err := io.ReadFull(r, request); err != nil {
			return
		}
		server, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])})
		if err != nil {
			return
		}
		defer server.Close()
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(server, r) }()
		_, _ = io.Copy(c, server)
	})
	proxy := &url.URL{Scheme: "socks5", Host: address}
	if failure := post(t, newClient(t, elastic.Options{Proxy: proxy}, host)); failure != nil {
		t.Error(failure)
	}
}

func TestNoProxyIsHonoured(t *testing.T) {
	host := newServer(t, accept(1)).URL
	for except, requests := range map[string]int{"": 1, "127.0.0.1": 0, "*": 0, "es.example.com,127.0.0.0/8": 0, "127.0.0.1:1": 1} {
		t.Setenv("NO_PROXY", except)
		f := newForwarder(t, "", 0)
		proxy, err := url.Parse(f.address)
		if err != nil {
			t.Fatal(err)
		}
		if failure := post(t, newClient(t, elastic.Options{Proxy: proxy}, host)); failure != nil || f.requests() != requests {
			t.Errorf("NO_PROXY %q: %d requests through the proxy, %v", except, f.requests(), failure)
		}
	}
}

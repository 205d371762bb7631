package security

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/host"
	"out_es/test/support"
)

// anyHost is an address of this machine that Go's rules for proxies don't take
// for this machine's, as they do with 127.0.0.1: it is reached directly and by
// a proxy.
const anyHost = "0.0.0.0"

// forwarder is a proxy that forwards everything and keeps the requested addresses.
type forwarder struct {
	url string

	mu    sync.Mutex
	asked []string
}

func newForwarder(t *testing.T) *forwarder {
	t.Helper()
	f := &forwarder{}
	pass := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: &http.Transport{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.Method+" "+r.Host+strings.TrimSuffix(r.URL.Path, "/"))
		f.mu.Unlock()
		if r.Method == http.MethodConnect {
			support.ServeTunnel(w, r.Host)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// saw reports whether it was asked for documents to be written to the host, or
// for a tunnel to it.
func (f *forwarder) saw(address string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.asked, func(line string) bool {
		return line == "CONNECT "+address || strings.HasPrefix(line, "POST "+address) && strings.HasSuffix(line, "/_bulk")
	})
}

func (f *forwarder) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// reachable is Elasticsearch at anyHost, by http and by https.
func reachable(t *testing.T, s *elasticsearch.Server) (addresses map[string]string, caFile string) {
	t.Helper()
	elastic, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := newRealm(t)
	secured := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(elastic))
	secured.TLS = &tls.Config{Certificates: []tls.Certificate{r.Issue(support.Subject{Hosts: []string{anyHost}}).TLS(t)}}
	secured.StartTLS()
	t.Cleanup(secured.Close)
	_, port, err := net.SplitHostPort(secured.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"http": net.JoinHostPort(anyHost, elastic.Port()), "https": net.JoinHostPort(anyHost, port)}, r.caFile()
}

// TestHostProxyByTheEnvironment has a process of its own for each case, since
// net/http reads the environment once.
func TestHostProxyByTheEnvironment(t *testing.T) {
	s := e2e.Cluster(t)
	addresses, caFile := reachable(t, s)
	dead := "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		scheme string
		host   string // another than anyHost
		env    []string
		option string // Proxy
		by     string // the one that must be asked: environment, option, "" for none
	}{
		"none":                               {scheme: "http"},
		"HTTP_PROXY":                         {scheme: "http", env: []string{"HTTP_PROXY={environment}", "HTTPS_PROXY=" + dead}, by: "environment"},
		"http_proxy":                         {scheme: "http", env: []string{"http_proxy={environment}"}, by: "environment"},
		"HTTPS_PROXY":                        {scheme: "https", env: []string{"HTTPS_PROXY={environment}", "HTTP_PROXY=" + dead}, by: "environment"},
		"HTTP_PROXY is not for https":        {scheme: "https", env: []string{"HTTP_PROXY={environment}"}},
		"this machine is asked directly":     {scheme: "http", host: "127.0.0.1", env: []string{"HTTP_PROXY={environment}"}},
		"NO_PROXY":                           {scheme: "http", env: []string{"HTTP_PROXY={environment}", "NO_PROXY=es.example.com," + anyHost}},
		"NO_PROXY by https":                  {scheme: "https", env: []string{"HTTPS_PROXY={environment}", "NO_PROXY=0.0.0.0/8"}},
		"NO_PROXY of others":                 {scheme: "http", env: []string{"HTTP_PROXY={environment}", "NO_PROXY=es.example.com"}, by: "environment"},
		"the option wins":                    {scheme: "http", env: []string{"HTTP_PROXY={environment}"}, option: "{option}", by: "option"},
		"the option wins by https":           {scheme: "https", env: []string{"HTTPS_PROXY={environment}"}, option: "{option}", by: "option"},
		"the option without an environment":  {scheme: "http", option: "{option}", by: "option"},
		"Proxy off ignores HTTP_PROXY":       {scheme: "http", env: []string{"HTTP_PROXY={environment}"}, option: "off"},
		"Proxy off ignores HTTPS_PROXY":      {scheme: "https", env: []string{"HTTPS_PROXY={environment}"}, option: "off"},
		"NO_PROXY exempts from the option's": {scheme: "http", env: []string{"NO_PROXY=" + anyHost}, option: "{option}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxies := map[string]*forwarder{"environment": newForwarder(t), "option": newForwarder(t)}
			fill := strings.NewReplacer("{environment}", proxies["environment"].url, "{option}", proxies["option"].url)
			address := addresses[c.scheme]
			if c.host != "" {
				address = strings.Replace(address, anyHost, c.host, 1)
			}
			index := e2e.FreshIndex(t, s)
			options := []string{"Hosts " + c.scheme + "://" + address, "Index " + index, "Retry_Budget 0"}
			if c.scheme == "https" {
				options = append(options, "TLS_CA_File "+caFile)
			}
			if c.option != "" {
				options = append(options, "Proxy "+fill.Replace(c.option))
			}
			// The machine's own proxies must not count.
			env := []string{"HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=", "https_proxy=", "NO_PROXY=", "no_proxy="}
			for _, line := range c.env {
				name, _, _ := strings.Cut(line, "=")
				env = slices.DeleteFunc(env, func(other string) bool { return other == name+"=" })
				env = append(env, fill.Replace(line))
			}
			h, _ := e2e.StartHost(t, host.Options{Env: env})
			o := e2e.Output(t, h, 1, options...)
			e2e.Flush(t, o, "app", e2e.ChunkOf(t, host.Nested, 0, 3), host.OK)
			e2e.EventuallyCount(t, s, index, 3)
			if err := o.Exit(); err != nil {
				t.Fatal(err)
			}
			for who, proxy := range proxies {
				switch {
				case who == c.by && !proxy.saw(address):
					t.Errorf("the proxy of the %s was not asked for %s, but for %q", who, address, proxy.asked)
				case who != c.by && proxy.requests() > 0:
					t.Errorf("the proxy of the %s was asked: %q", who, proxy.asked)
				}
			}
		})
	}
}

package elastic

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// proxyFor returns the proxy of a request, nil for none.
type proxyFor func(*http.Request) (*url.URL, error)

// noProxy is the result of NoProxy.
var noProxy = &url.URL{}

// NoProxy returns the value of Options.Proxy that disables proxies, whatever the environment says.
func NoProxy() *url.URL { return noProxy }

// newProxy returns the environment's proxies for nil (read once, as in net/http: HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY), else the given one for all hosts except those in except, the value of
// NO_PROXY.
func newProxy(given *url.URL, except string) proxyFor {
	switch given {
	case nil:
		return http.ProxyFromEnvironment
	case noProxy:
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		if isExempt(req.URL.Hostname(), req.URL.Port(), except) {
			return nil, nil
		}
		return given, nil
	}
}

// isExempt reports whether a list in the syntax of NO_PROXY contains the host: names with their
// subdomains, subdomains of names that begin with a dot, addresses, networks, each with an optional
// port, or * for all.
func isExempt(host, port, list string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	address, _ := netip.ParseAddr(host)
	for _, word := range strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' }) {
		if word == "*" {
			return true
		}
		if network, err := netip.ParsePrefix(word); err == nil {
			if network.Contains(address.Unmap()) {
				return true
			}
			continue
		}
		if name, only, err := net.SplitHostPort(word); err == nil {
			if only != port {
				continue
			}
			word = name
		}
		word = strings.Trim(word, "[]")
		if one, err := netip.ParseAddr(word); err == nil {
			if one.Unmap() == address.Unmap() {
				return true
			}
			continue
		}
		if address.IsValid() {
			continue // an address has no domain
		}
		domain := "." + strings.TrimPrefix(strings.TrimPrefix(word, "*"), ".")
		if strings.HasSuffix(host, domain) || host == word {
			return true
		}
	}
	return false
}

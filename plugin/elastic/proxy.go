package elastic

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// proxyFor says by which proxy a request goes, nil for none.
type proxyFor func(*http.Request) (*url.URL, error)

// noProxy is what NoProxy returns.
var noProxy = &url.URL{}

// NoProxy returns the value of Options.Proxy that asks every host directly,
// whatever the environment says.
func NoProxy() *url.URL { return noProxy }

// newProxy returns the environment's proxies for nil (as net/http reads them
// once: HTTPS_PROXY, HTTP_PROXY, NO_PROXY), else the one that is given for all
// hosts but those that except, NO_PROXY's value, names.
func newProxy(given *url.URL, except string) proxyFor {
	switch given {
	case nil:
		return http.ProxyFromEnvironment
	case noProxy:
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		if excepted(req.URL.Hostname(), req.URL.Port(), except) {
			return nil, nil
		}
		return given, nil
	}
}

// excepted says whether a list as in NO_PROXY has the host: names with those
// below them, names below when they begin with a dot, addresses, networks, each
// with a port if need be, or * for all.
func excepted(host, port, list string) bool {
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

package lint

import (
	"cmp"
	"strings"

	"out_es/lint/sections"
)

// hosts is the result of Host, Port, Path and tls of a built-in output.
type hosts struct {
	url     string // variables in place
	from    string // the original options, for the comment
	unsure  string // the points that a person must check
	written bool
	known   bool // no part of it is a variable without a value
}

// hostsOf is nil where the section has its address elsewhere.
func hostsOf(s *sections.Section) *hosts {
	if s.Last("cloud_id") != nil && s.Last("host") == nil {
		return nil
	}
	h := &hosts{known: true}
	part := func(name, fallback string) string {
		p := s.Last(name)
		if p == nil {
			return fallback
		}
		h.from += cmp.Or(strings.Repeat(", ", min(1, len(h.from)))) + p.Written + " " + p.Raw
		h.known = h.known && len(p.Unset) == 0
		return cmp.Or(p.Raw, fallback)
	}
	host, port, path := part("host", "127.0.0.1"), part("port", "9200"), part("path", "")
	scheme := "http"
	if tls := s.Last("tls"); tls != nil {
		part("tls", "")
		if isOn(tls.Value) {
			scheme = "https"
		}
		if len(tls.Unset) > 0 {
			h.unsure = "tls depends on ${" + tls.Unset[0] + "}: write https where it is on"
		}
	}
	if s.Last("upstream") != nil {
		h.unsure = "the hosts are in the file that upstream names: write them here"
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]" // an IPv6 address; a variable has no colon but before a default
		if strings.Contains(host, "${") {
			host = strings.Trim(host, "[]")
		}
	}
	if path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	h.from = cmp.Or(h.from, "the built-in defaults")
	h.url = scheme + "://" + host + ":" + port + path
	return h
}

// plain is the address as far as it can be judged here.
func (h *hosts) plain() string {
	scheme, _, _ := strings.Cut(h.url, "://")
	if !h.known || strings.Contains(h.url, "${") {
		return scheme + "://localhost:9200"
	}
	return h.url
}

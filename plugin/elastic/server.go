package elastic

import (
	"strings"
	"sync/atomic"
)

// Family is a kind of server. What differs between them (templates, lifecycles,
// types of fields) is decided by it.
type Family uint8

// The families.
const (
	// Unknown: nothing has answered yet, or what did doesn't say.
	Unknown Family = iota
	// Elasticsearch says so in a header since 7.14, and in its answer to GET /.
	Elasticsearch
	// OpenSearch says so in its answer to GET /, and in a header since 3.
	OpenSearch
	// Foreign answered GET / as neither of them does.
	Foreign
)

var familyNames = [...]string{Unknown: "unknown", Elasticsearch: "Elasticsearch", OpenSearch: "OpenSearch", Foreign: "neither Elasticsearch nor OpenSearch"}

func (f Family) String() string { return familyNames[f] }

// Server is what we talk to, as far as it told.
type Server struct {
	Family Family
	// Version is such as "9.5.3", and "" where the server didn't tell: a key
	// that may only write is not told.
	Version string
}

func (s Server) String() string {
	if s.Version == "" {
		return s.Family.String()
	}
	return s.Family.String() + " " + s.Version
}

// serverOf reads an answer's header fields, whatever its status.
func serverOf(field func(name string) string) Server {
	if field("X-Elastic-Product") == "Elasticsearch" {
		return Server{Family: Elasticsearch}
	}
	// OpenSearch/3.8.0 (opensearch)
	if version, ok := strings.CutPrefix(field("X-OpenSearch-Version"), "OpenSearch/"); ok {
		version, _, _ = strings.Cut(version, " ")
		return Server{OpenSearch, version}
	}
	return Server{}
}

// learned is what is known of the server. The first answer that tells decides;
// later ones can add the version. It is safe for concurrent use.
type learned struct{ server atomic.Pointer[Server] }

func (l *learned) get() Server {
	if known := l.server.Load(); known != nil {
		return *known
	}
	return Server{}
}

// isComplete reports whether header fields can add nothing more: OpenSearch's have its version,
// those of Elasticsearch don't.
func (l *learned) isComplete() bool {
	known := l.get()
	return known.Family == Elasticsearch || known.Family == OpenSearch && known.Version != ""
}

func (l *learned) add(told Server) {
	for {
		known := l.server.Load()
		switch {
		case told.Family == Unknown:
			return
		case known == nil, known.Family == Foreign:
		case known.Family != told.Family, known.Version != "", told.Version == "":
			return
		}
		if l.server.CompareAndSwap(known, &told) {
			return
		}
	}
}

// Server is what is known so far of what we talk to. Every answer, that of a
// bulk request too, tells of it by its headers; Look asks.
func (c *Client) Server() Server { return c.server.get() }

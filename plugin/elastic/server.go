package elastic

import (
	"strings"
	"sync/atomic"
)

// Family is a kind of server. It decides on differences in templates, lifecycles and types of
// fields.
type Family uint8

// The families.
const (
	// Unknown: no answer yet, or one that doesn't tell.
	Unknown Family = iota
	// Elasticsearch identifies itself in a header since 7.14, and in its answer to GET /.
	Elasticsearch
	// OpenSearch identifies itself in its answer to GET /, and in a header since 3.
	OpenSearch
	// Foreign is the family of any other answer to GET /.
	Foreign
)

var familyNames = [...]string{Unknown: "unknown", Elasticsearch: "Elasticsearch", OpenSearch: "OpenSearch", Foreign: "neither Elasticsearch nor OpenSearch"}

func (f Family) String() string { return familyNames[f] }

// Server is the known identity of the server.
type Server struct {
	Family Family
	// Version is such as "9.5.3", and "" if it is unknown: the server doesn't tell it to a
	// write-only key.
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

// discovered collects the identity of the server. The first answer that tells decides; later ones
// can add the version. It is safe for concurrent use.
type discovered struct{ server atomic.Pointer[Server] }

func (l *discovered) get() Server {
	if known := l.server.Load(); known != nil {
		return *known
	}
	return Server{}
}

// isComplete reports whether header fields can add nothing more: OpenSearch's have its version,
// those of Elasticsearch don't.
func (l *discovered) isComplete() bool {
	known := l.get()
	return known.Family == Elasticsearch || known.Family == OpenSearch && known.Version != ""
}

func (l *discovered) add(told Server) {
	for {
		known := l.server.Load()
		switch {
		case told.Family == Unknown:
			return
		case known == nil, known.Family == Foreign:
		case known.Family != told.Family, known.Version != "", told.Version == "":
			return
		}
		first := told // a copy, since most calls end before it and should allocate nothing
		if l.server.CompareAndSwap(known, &first) {
			return
		}
	}
}

// Server is the identity of the server, as far as it is known. Every answer's headers add to it,
// also those of bulk requests; Info asks.
func (c *Client) Server() Server { return c.server.get() }

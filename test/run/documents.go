package main

import (
	"context"
	"slices"
	"strings"

	"out_es/test/elasticsearch"
)

// documents are those of this run.
type documents struct {
	client *elasticsearch.Client
	prefix string // of the names of this run's indices
}

// containers and web are the patterns of the two kinds of indices, as the examples' configuration
// names them.
func (d documents) containers() string { return d.prefix + "logstash-*" }
func (d documents) web() string        { return d.prefix + "web-*" }
func (d documents) pattern() string    { return d.containers() + "," + d.web() }

// count returns how many there are by now, the latest included.
func (d documents) count(ctx context.Context) (int, error) {
	if err := d.client.Refresh(ctx, d.pattern()); err != nil {
		return 0, err
	}
	return d.client.Count(ctx, d.pattern())
}

// samples returns one document of a container and one of the web server, as far as there are any.
func (d documents) samples(ctx context.Context) ([]elasticsearch.Document, error) {
	var all []elasticsearch.Document
	for pattern, query := range map[string]string{
		d.containers(): `{"size":1,"query":{"exists":{"field":"level"}}}`,
		d.web():        `{"size":1}`,
	} {
		hits, err := d.client.Search(ctx, pattern, query)
		if err != nil {
			return nil, err
		}
		all = append(all, hits...)
	}
	slices.SortFunc(all, func(a, b elasticsearch.Document) int { return strings.Compare(a.Index, b.Index) })
	return all, nil
}

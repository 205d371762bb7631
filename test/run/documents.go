package main

import (
	"context"

	"out_es/test/elasticsearch"
)

// documents are those of this run.
type documents struct {
	client *elasticsearch.Client
	prefix string // of the names of this run's indices
}

// containers and web are the patterns of the two kinds of indices, as the examples' configuration names them.
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

// sample returns one document, of a container if there is any, and false if there is none at all.
func (d documents) sample(ctx context.Context) (elasticsearch.Document, bool, error) {
	for _, pattern := range []string{d.containers(), d.web()} {
		hits, err := d.client.Search(ctx, pattern, `{"size":1}`)
		if err != nil {
			return elasticsearch.Document{}, false, err
		}
		if len(hits) > 0 {
			return hits[0], true, nil
		}
	}
	return elasticsearch.Document{}, false, nil
}

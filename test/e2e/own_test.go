package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"out_es/test/elasticsearch"
)

// own is an Elasticsearch that one test stops and starts.
type own struct {
	options elasticsearch.Options
	url     string
}

// ownServer prepares a server of the test's own, and skips the test where the
// machine can't run one.
func ownServer(t *testing.T, options elasticsearch.Options) *own {
	t.Helper()
	if missing := elasticsearch.Missing(options); len(missing) > 0 {
		t.Skip(errors.Join(missing...))
	}
	return &own{options: options, url: fmt.Sprintf("http://127.0.0.1:%d", options.Port)}
}

// start starts it, with the data of an earlier start.
func (o *own) start(t *testing.T) *elasticsearch.Server {
	t.Helper()
	s, err := elasticsearch.Start(context.Background(), o.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

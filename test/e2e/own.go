package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// ClosedPort is an address without a listener.
func ClosedPort(t *testing.T) string { return "http://127.0.0.1:" + support.FreePort(t) }

// HangingPort accepts connections and never answers.
func HangingPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return "http://" + listener.Addr().String() // the kernel accepts, no program reads
}

// FreePort is support.FreePort as a number.
func FreePort(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(support.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Own is an Elasticsearch that one test stops and starts.
type Own struct {
	options elasticsearch.Options
	URL     string
}

// OwnServer prepares a server of the test's own. It skips the test on a machine that can't run one.
func OwnServer(t *testing.T, options elasticsearch.Options) *Own {
	t.Helper()
	if missing := elasticsearch.Missing(options); len(missing) > 0 {
		t.Skip(errors.Join(missing...))
	}
	return &Own{options: options, URL: fmt.Sprintf("http://127.0.0.1:%d", options.Port)}
}

// Start starts it, with the data of an earlier start.
func (o *Own) Start(t *testing.T) *elasticsearch.Server {
	t.Helper()
	s, err := elasticsearch.Start(context.Background(), o.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

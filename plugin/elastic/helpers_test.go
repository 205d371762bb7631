package elastic_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/test/support"
)

// newClient returns a client of these hosts, closed with the test.
func newClient(t testing.TB, o elastic.Options, hosts ...string) *elastic.Client {
	t.Helper()
	for _, host := range hosts {
		parsed, err := url.Parse(host)
		if err != nil {
			t.Fatal(err)
		}
		o.Hosts = append(o.Hosts, parsed)
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	client, err := elastic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// newServer is an HTTP server that lives as long as the test.
func newServer(t testing.TB, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server
}

// newRequest is a request of n documents, of at least size bytes.
func newRequest(t testing.TB, c bulk.Compression, n, size int) *bulk.Request {
	t.Helper()
	r := bulk.NewRequest(c)
	refill(t, r, n, size)
	return r
}

func refill(t testing.TB, r *bulk.Request, n, size int) {
	t.Helper()
	r.Reset()
	for position := range n {
		grown := append(r.Buffer(), "{\"create\":{}}\n{\"a\":\""...)
		grown = append(grown, strings.Repeat("x", size/n)...)
		if err := r.Commit(append(grown, "\"}\n"...), position); err != nil {
			t.Fatal(err)
		}
	}
}

// send posts r and returns the statuses of the items.
func send(t testing.TB, client *elastic.Client, r *bulk.Request) ([]int, *bulk.Failure) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return sendWithin(ctx, t, client, r)
}

func sendWithin(ctx context.Context, t testing.TB, client *elastic.Client, r *bulk.Request) ([]int, *bulk.Failure) {
	t.Helper()
	var statuses []int
	n, failure := client.Send(ctx, r, func(i bulk.Item) { statuses = append(statuses, i.Status) })
	if n != len(statuses) {
		t.Errorf("Send says %d items, there were %d", n, len(statuses))
	}
	return statuses, failure
}

// answer is a healthy answer of n items.
func answer(n int) string {
	return `{"errors":false,"items":[` + strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, n), ",") + `]}`
}

// accept reads the request and sends a healthy answer.
func accept(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer(n))
	}
}

// listen serves each connection with handle, for faults that net/http's own server can't produce.
// It returns the listener's address.
func listen(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			go handle(connection)
		}
	}()
	return listener.Addr().String()
}

// readHeader reads a request up to its body and returns the body's length.
func readHeader(r *bufio.Reader) (length int, err error) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) <= 2 {
			return length, err
		}
		if text, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			_, _ = fmt.Sscan(text, &length)
		}
	}
}

// unused is an address without a listener.
func unused(t testing.TB) string { return "127.0.0.1:" + support.FreePort(t) }

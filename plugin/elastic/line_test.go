package elastic

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"out_es/plugin/bulk"
)

// writes keeps what is written, and how often.
type writes struct {
	net.Conn
	all   []byte
	count int
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, p...)
	w.count++
	return len(p), nil
}

func TestALineTakesABodyWhole(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 100_000)
	w := &writes{}
	b := newBody(text)
	limited := &io.LimitedReader{R: b, N: int64(len(text)) - 5}
	if n, err := (&line{w}).ReadFrom(limited); n != int64(len(text))-5 || err != nil || limited.N != 0 {
		t.Errorf("%d bytes were written, %d are left: %v", n, limited.N, err)
	}
	if w.count != 1 || !bytes.Equal(w.all, text[:len(text)-5]) || !b.read || len(b.rest) != 5 {
		t.Errorf("%d writes of %d bytes in all; read %v, %d bytes left", w.count, len(w.all), b.read, len(b.rest))
	}
}

func TestALineTakesAnythingElse(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"a reader":         bytes.NewReader([]byte("text")),
		"a limited reader": io.LimitReader(bytes.NewReader([]byte("text and more")), 4),
		"a text":           io.LimitReader(struct{ io.Reader }{strings.NewReader("text")}, 10),
	} {
		w := &writes{}
		if n, err := (&line{w}).ReadFrom(r); n != 4 || err != nil || string(w.all) != "text" {
			t.Errorf("%s: %d bytes, %q: %v", name, n, w.all, err)
		}
	}
}

// plainServer answers every bulk request alike, and allocates nothing for one.
func plainServer(t *testing.T, taken *atomic.Int64) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	const items = `{"errors":false,"items":[{"create":{"status":201}}]}`
	answer := []byte("HTTP/1.1 200 OK\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\nContent-Length: 52\r\n\r\n" + items)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReaderSize(conn, 64<<10)
				for {
					length := 0
					for {
						text, err := in.ReadSlice('\n')
						if err != nil {
							return
						}
						if digits, found := bytes.CutPrefix(text, []byte("Content-Length: ")); found {
							for _, c := range bytes.TrimSpace(digits) {
								length = 10*length + int(c-'0')
							}
						}
						if len(text) == 2 {
							break
						}
					}
					n, err := in.Discard(length)
					taken.Add(int64(n))
					if err == nil {
						_, err = conn.Write(answer)
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// requestBytes is the most that a request may allocate, whatever its size.
// It was 39 KB while net/http copied the body.
const requestBytes = 14 << 10

func TestWhatARequestAllocates(t *testing.T) {
	var taken atomic.Int64
	client, err := New(Options{Hosts: []*url.URL{plainServer(t, &taken)}, Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := bulk.NewRequest(bulk.Plain)
	if err := req.Commit(append(req.Buffer(), bytes.Repeat([]byte("0123456789"), 50_000)...), 0); err != nil {
		t.Fatal(err)
	}
	// The least of a hundred counts: a pool that is just empty, as it is after a
	// collection and often under the race detector, makes a request dearer.
	least := uint64(math.MaxUint64)
	const times = 100
	for range times {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if items, failure := client.Send(context.Background(), req, func(bulk.Item) {}); items != 1 || failure != nil {
			t.Fatalf("%d items: %v", items, failure)
		}
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if taken.Load() != times*500_000 {
		t.Errorf("the server took %d bytes", taken.Load())
	}
	if least > requestBytes {
		t.Errorf("a request allocates %d bytes, more than %d", least, requestBytes)
	}
	t.Logf("a request allocates %d bytes", least)
}

package exchange

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// oddAnswers are answers of real servers and proxies, and some illegal ones. They seed the fuzzer.
var oddAnswers = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{} and more",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n1 \r\n}\r\n000\r\nX-Trailer: a\r\nY: b\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX\xff: y\r\nContent-Length: 0\r\n\r\n",
	"HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
	"\r\nHTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-x\r\n", "<html>", "", "\x15\x03\x01\x00\x02\x02\x46",
}

// inMemory is a connection without a peer, from which an answer is read.
type inMemory struct {
	net.Conn
	io.Reader
}

func (c inMemory) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// understood is a reader's result for an answer.
type understood struct {
	status  int
	body    []byte
	closes  bool
	rest    int // bytes behind the answer
	product string
}

// ours reads an answer with this package's reader.
func ours(text []byte, method string) (u understood, err error) {
	source := bytes.NewReader(text)
	c := &connection{Conn: inMemory{Reader: source}, socket: &socket{}, ctx: context.Background(), buffer: make([]byte, 64)}
	c.answer.connection = c
	if err := c.readHead(&Request{Method: method}); err != nil {
		return u, err
	}
	u.status, u.product = c.answer.Status(), c.answer.Field("X-Elastic-Product")
	u.body, err = io.ReadAll(&c.answer)
	u.closes = c.answer.head.closes || c.answer.framing == untilClose
	u.rest = source.Len() + c.to - c.from
	return u, err
}

// theirs reads an answer with net/http.
func theirs(text []byte, method string) (u understood, err error) {
	source := bytes.NewReader(text)
	reader := bufio.NewReader(source)
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return u, err
		}
		if response.StatusCode < 200 && response.StatusCode != 101 {
			continue
		}
		u.status, u.closes, u.product = response.StatusCode, response.Close, response.Header.Get("X-Elastic-Product")
		u.body, err = io.ReadAll(response.Body)
		u.rest = source.Len() + reader.Buffered()
		return u, err
	}
}

// FuzzAnswer compares the reader with net/http's: if it accepts a whole answer, net/http reads the
// same one. It may reject answers that net/http accepts, as the errors of parseHead say.
func FuzzAnswer(f *testing.F) {
	for _, text := range oddAnswers {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, isHead bool) {
		method := http.MethodPost
		if isHead {
			method = http.MethodHead
		}
		got, err := ours(text, method)
		if err != nil {
			return
		}
		want, err := theirs(text, method)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v; taken for %+v", text, err, got)
		}
		if folded := strings.Contains(string(text), "\n ") || strings.Contains(string(text), "\n\t"); folded {
			got.product = want.product // continuation lines are ignored
		}
		if got.status != want.status || !slices.Equal(got.body, want.body) || got.product != want.product {
			t.Fatalf("%q: taken for %+v, net/http has %+v", text, got, want)
		}
		if !got.closes && (want.closes || got.rest != want.rest) {
			t.Fatalf("%q: the connection is kept with %d bytes left; net/http: closed %v, %d bytes left", text, got.rest, want.closes, want.rest)
		}
	})
}

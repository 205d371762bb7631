package exchange

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"out_es/plugin/callback"
)

// hung is longer than anything here takes on a busy machine, and shorter than a call that hangs.
const hung = 20 * time.Second

// server serves each connection with handle, and counts connections and requests.
type server struct {
	address               string
	connections, requests atomic.Int32
}

// asks reads one request from a connection, and reports whether there was one.
func (s *server) asks(r *bufio.Reader) bool {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if text, found := strings.CutPrefix(line, "Content-Length: "); found {
			_, _ = fmt.Sscan(text, &length)
		}
		if line == "\r\n" {
			break
		}
	}
	s.requests.Add(1)
	_, err := io.CopyN(io.Discard, r, int64(length))
	return err == nil
}

func serve(t testing.TB, handle func(s *server, c net.Conn, r *bufio.Reader)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &server{address: listener.Addr().String()}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			t.Cleanup(func() { _ = c.Close() })
			go handle(s, c, bufio.NewReader(c))
		}
	}()
	return s
}

// answers answers each request with the same text.
func answers(text string) func(*server, net.Conn, *bufio.Reader) {
	return func(s *server, c net.Conn, r *bufio.Reader) {
		for s.asks(r) {
			_, _ = io.WriteString(c, text)
		}
	}
}

// thenCloses answers one request and closes the connection.
func thenCloses(text string) func(*server, net.Conn, *bufio.Reader) {
	return func(s *server, c net.Conn, r *bufio.Reader) {
		if s.asks(r) {
			_, _ = io.WriteString(c, text)
		}
		_ = c.Close()
	}
}

func newPool(t testing.TB, address string) *Pool {
	t.Helper()
	p := NewPool(Options{URL: &url.URL{Scheme: "http", Host: address}, ConnectTimeout: 5 * time.Second})
	t.Cleanup(p.Close)
	return p
}

// post sends a body of that size.
func post(ctx context.Context, p *Pool, size int) (status int, body string, err error) {
	head := AppendLength([]byte("POST /_bulk HTTP/1.1\r\nHost: x\r\n"), size)
	answer, err := p.Do(ctx, &Request{Method: "POST", Head: head, Body: bytes.Repeat([]byte("x"), size)})
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Close() }()
	text, err := io.ReadAll(answer)
	return answer.Status(), string(text), err
}

// host is a thread of the host that counts its services.
type host struct {
	wake     chan struct{}
	serviced atomic.Int32
}

func newHost() *host { return &host{wake: make(chan struct{}, 1)} }

func (h *host) Wake() <-chan struct{} { return h.wake }

func (h *host) Service() { h.serviced.Add(1) }

// everywhere runs a test on a goroutine, and on the host's thread.
func everywhere(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	for name, ctx := range map[string]func() context.Context{
		"goroutine": func() context.Context { return t.Context() },
		"thread":    func() context.Context { return callback.Context(t.Context(), newHost()) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(ctx(), 10*time.Second)
			defer cancel()
			test(t, ctx)
		})
	}
}

const (
	ok    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	large = 8 << 20 // more than the kernel's buffers hold
)

// TestAnswers has for each answer its status and body, and whether the connection is kept.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		text   string
		status int
		body   string
		err    error // of the exchange or of the body
		kept   bool
	}{
		"sized":                   {ok, 200, "{}", nil, true},
		"chunked":                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 200, "{}", nil, true},
		"chunked, with a trailer": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Took: 3\r\n\r\n", 200, "{}", nil, true},
		"an endless trailer":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 5000), 200, "", errChunk, false},
		"a chunk's line too long": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;" + long, 200, "", errChunk, false},
		"a long one, chunked":     {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), 200, long, nil, true},
		"interim answers":         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok, 200, "{}", nil, true},
		"endless interim answers": {strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), 0, "", errInterim, false},
		"an endless header":       {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Y: z\r\n", 20_000), 0, "", errHeadSize, false},
		"a header of 60 KB":       {"HTTP/1.1 200 OK\r\nX-Y: " + long[:60_000] + "\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", nil, true},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 0, "", errLengths, false},
		"a length of chunks":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", errLengths, false},
		"another coding":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, "", errCoding, false},
		"HTTP/1.0":                {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", nil, false},
		"close, in a list":        {"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", nil, false},
		"no content":              {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", nil, true},
		"more than it says":       {ok + "HTTP/1.1 200 OK\r\n", 200, "{}", nil, false},
		"no HTTP":                 {"SSH-2.0-OpenSSH\r\n", 0, "", errStatusLine, false},
		"another version":         {"HTTP/2.0 200 OK\r\n\r\n", 0, "", errStatusLine, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answers(c.text))
			p := newPool(t, s.address)
			for range 2 {
				status, body, err := post(t.Context(), p, 10)
				if status != c.status || body != c.body || !errors.Is(err, c.err) || err == nil != (c.err == nil) {
					t.Errorf("%d, %.100q, %v", status, body, err)
				}
			}
			if n := s.connections.Load(); n != 1 != !c.kept {
				t.Errorf("%d connections for two requests", n)
			}
		})
	}
}

func TestAnAnswerThatEndsWithTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		text, body string
		err        error
	}{
		"as it may":            {"HTTP/1.1 200 OK\r\n\r\n{}", "{}", nil},
		"before its length":    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "{}", io.ErrUnexpectedEOF},
		"before its last part": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "{}", io.ErrUnexpectedEOF},
		"before its body":      {"HTTP/1.1 200 OK\r\nContent-", "", io.ErrUnexpectedEOF},
		"before it began":      {"", "", io.EOF},
	} {
		s := serve(t, thenCloses(c.text))
		_, body, err := post(t.Context(), newPool(t, s.address), 10)
		if body != c.body || !errors.Is(err, c.err) || err == nil != (c.err == nil) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
}

// A connection that the server closed while it was idle has accepted no byte of a request: the
// request goes out on a new one, without an error.
func TestAConnectionClosedWhileIdleCostsNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context) {
		closed := make(chan struct{}, 100)
		s := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
			thenCloses(ok)(s, c, r)
			closed <- struct{}{}
		})
		p := newPool(t, s.address)
		const times = 50
		for range times {
			if _, _, err := post(ctx, p, 1000); err != nil {
				t.Fatal(err)
			}
			<-closed
			for p.idle[0].isAlive() { // until the kernel has received the close
				time.Sleep(time.Millisecond)
			}
		}
		if s.requests.Load() != times {
			t.Errorf("%d requests arrived", s.requests.Load())
		}
	})
}

// After a reset behind the first byte the request may have arrived: it is reported, and not sent
// again.
func TestAResetWithinARequestIsNotSentAgain(t *testing.T) {
	for _, size := range []int{1000, large} {
		everywhere(t, func(t *testing.T, ctx context.Context) {
			first := true
			s := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
				if first {
					first = false
					s.asks(r)
					_, _ = io.WriteString(c, ok)
				}
				_, _ = r.ReadByte() // of the second request
				s.requests.Add(1)
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			})
			p := newPool(t, s.address)
			if _, _, err := post(ctx, p, 10); err != nil {
				t.Fatal(err)
			}
			_, _, err := post(ctx, p, size)
			if problem, ok := errors.AsType[*Error](err); !ok || !problem.Started {
				t.Errorf("%d bytes: %v", size, err)
			}
			if s.requests.Load() != 2 || s.connections.Load() != 1 {
				t.Errorf("%d bytes: %d requests on %d connections", size, s.requests.Load(), s.connections.Load())
			}
		})
	}
}

// A server that refuses a request may answer early, stop reading, and cut the connection.
func TestAnEarlyAnswerIsRead(t *testing.T) {
	const refused = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
	for name, behind := range map[string]func(net.Conn){
		"it stops reading": func(net.Conn) {},
		"it hangs up":      func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
	} {
		everywhere(t, func(t *testing.T, ctx context.Context) {
			s := serve(t, func(_ *server, c net.Conn, r *bufio.Reader) {
				_, _ = r.ReadByte()
				_, _ = io.WriteString(c, refused)
				behind(c)
			})
			began := time.Now()
			status, _, err := post(ctx, newPool(t, s.address), large)
			if status != 413 || err != nil || time.Since(began) > hung {
				t.Errorf("%s: %d, %v after %s", name, status, err, time.Since(began))
			}
		})
	}
}

// A server reads slowly: the kernel takes the request piece by piece, and all of it arrives once.
func TestALongRequestArrivesWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context) {
		s := serve(t, func(s *server, c net.Conn, _ *bufio.Reader) {
			_ = c.(*net.TCPConn).SetReadBuffer(256 << 10)
			answers(ok)(s, c, bufio.NewReaderSize(c, 1000))
		})
		p := newPool(t, s.address)
		for range 3 {
			if status, _, err := post(ctx, p, large); status != 200 || err != nil {
				t.Fatal(status, err)
			}
		}
		if s.requests.Load() != 3 || s.connections.Load() != 1 {
			t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
		}
	})
}

// Go's runtime interrupts its threads by a signal. A wait in the kernel continues, and the request
// is sent once.
func TestASignalDoesNotEndAWait(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
		s.asks(r)
		<-release
		_, _ = io.WriteString(c, ok)
	})
	stop := make(chan struct{})
	go func() {
		defer close(release)
		for range 200 {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGURG)
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	defer close(stop)
	status, _, err := post(callback.Context(t.Context(), newHost()), newPool(t, s.address), 1000)
	if status != 200 || err != nil || s.requests.Load() != 1 {
		t.Errorf("%d, %v, %d requests", status, err, s.requests.Load())
	}
}

// An answer that drips is bounded by the time of the exchange, not by that of a single read.
func TestAnAnswerThatDripsIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"its header": "HTTP/1.1 200 OK\r\nX-Slow: " + strings.Repeat("x", 1000),
		"its body":   "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 900),
	} {
		everywhere(t, func(t *testing.T, ctx context.Context) {
			s := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
				s.asks(r)
				for _, b := range []byte(text) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			})
			ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, _, err := post(ctx, newPool(t, s.address), 10)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > hung {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		})
	}
}

// The end of the agent ends an exchange in each of its states.
func TestCancellationEndsAnExchange(t *testing.T) {
	silent := serve(t, func(s *server, _ net.Conn, r *bufio.Reader) { s.asks(r) })
	halfway := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
		s.asks(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
	})
	deaf := serve(t, func(_ *server, c net.Conn, _ *bufio.Reader) { _ = c.(*net.TCPConn).SetReadBuffer(4096) })
	for name, c := range map[string]struct {
		s    *server
		size int
	}{"it waits for the answer": {silent, 10}, "it reads the answer": {halfway, 10}, "it writes the request": {deaf, large}} {
		everywhere(t, func(t *testing.T, ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			began := time.Now()
			_, _, err := post(ctx, newPool(t, c.s.address), c.size)
			if !errors.Is(err, context.Canceled) || time.Since(began) > hung {
				t.Errorf("%s: %v after %s", name, err, time.Since(began))
			}
		})
	}
}

// While the host's thread waits for long, it prints the host's log.
func TestTheThreadIsServicedWhileAnAnswerIsSlow(t *testing.T) {
	h := newHost()
	s := serve(t, func(s *server, c net.Conn, r *bufio.Reader) {
		s.asks(r)
		for h.serviced.Load() == 0 {
			select {
			case h.wake <- struct{}{}:
			default:
			}
			time.Sleep(time.Millisecond)
		}
		_, _ = io.WriteString(c, ok)
	})
	if status, _, err := post(callback.Context(t.Context(), h), newPool(t, s.address), 10); status != 200 || err != nil {
		t.Error(status, err)
	}
}

func TestConnectionsThatWereIdleForLongAreClosed(t *testing.T) {
	s := serve(t, answers(ok))
	p := newPool(t, s.address)
	for range 2 {
		if _, _, err := post(t.Context(), p, 10); err != nil {
			t.Fatal(err)
		}
		p.idle[0].since = time.Now().Add(-idleTime)
	}
	if s.connections.Load() != 2 {
		t.Errorf("%d connections, the first was idle for too long", s.connections.Load())
	}
	p.sweep()
	if len(p.idle) != 0 {
		t.Error("a connection stays open that is not used")
	}
}

// A corked socket collects the records of crypto/tls, and writes them with one call.
func TestACorkedSocketWritesOnce(t *testing.T) {
	got := make(chan []byte, 1)
	s := serve(t, func(_ *server, _ net.Conn, r *bufio.Reader) {
		all, _ := io.ReadAll(r)
		got <- all
	})
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newSocket(conn.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	k.cork()
	for range 10 {
		_, _ = io.WriteString(k, "0123456789")
	}
	if k.written != 0 {
		t.Errorf("%d bytes are out already", k.written)
	}
	if err := k.uncork(); err != nil || k.written != 100 {
		t.Errorf("%d bytes, %v", k.written, err)
	}
	_ = k.Close()
	if all := <-got; string(all) != strings.Repeat("0123456789", 10) {
		t.Errorf("%q arrived", all)
	}
}

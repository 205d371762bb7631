package agents

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"out_es/test/support"
)

// stage is a server in front of Elasticsearch that stops a bulk request in one state of its
// exchange, until it is released. Other requests pass.
type stage struct {
	url, target string
	port        int
	listener    net.Listener
	bulks       atomic.Int32 // requests so far

	reached  chan struct{} // closed in the state that is meant
	once     sync.Once
	released context.Context
	release  context.CancelFunc
	paired   chan struct{} // two requests are under way
	answered chan struct{} // and the first has its answer
	jammed   atomic.Bool   // the port answers no SYN
	whole    atomic.Bool   // a request that was not read was written whole all the same
}

// narrow makes the kernel's buffers of connections small: a request of 200 KB does not fit.
var narrow = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var faults [2]error
	err := c.Control(func(fd uintptr) {
		faults[0] = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		faults[1] = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
	})
	return errors.Join(err, faults[0], faults[1])
}}

// startStage starts a server that hands its connections to serve.
func startStage(t *testing.T, target string, secure bool, serve func(*stage, net.Conn)) *stage {
	t.Helper()
	listener, err := narrow.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		url: "http://" + listener.Addr().String(), target: target, port: listener.Addr().(*net.TCPAddr).Port, listener: listener,
		reached: make(chan struct{}), paired: make(chan struct{}), answered: make(chan struct{}),
	}
	s.released, s.release = context.WithCancel(context.Background())
	if secure {
		pair := support.NewAuthority(t, "stage").Issue(support.Subject{Hosts: []string{"127.0.0.1"}})
		certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		s.url = "https://" + listener.Addr().String()
		s.listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer conn.Close()
				serve(s, conn)
			})
		}
	})
	t.Cleanup(func() {
		s.release()
		_ = listener.Close()
		connections.Wait()
	})
	return s
}

// hold tells that the state is reached, and stays in it until the release.
func (s *stage) hold() {
	s.once.Do(func() { close(s.reached) })
	<-s.released.Done()
}

// serveBulks serves a connection; act answers its bulk requests, and reports whether it goes on.
func serveBulks(act func(s *stage, conn net.Conn, request *http.Request) bool) func(*stage, net.Conn) {
	return func(s *stage, conn net.Conn) {
		context.AfterFunc(s.released, func() { _ = conn.SetReadDeadline(time.Now().Add(time.Second)) })
		reader := bufio.NewReader(conn)
		for goesOn := true; goesOn; {
			request, err := http.ReadRequest(reader)
			switch {
			case err != nil:
				return
			case strings.HasSuffix(request.URL.Path, "/_bulk"):
				s.bulks.Add(1)
				goesOn = act(s, conn, request)
			default:
				goesOn = passOn(s, conn, request)
			}
		}
	}
}

// forward passes a request on, and returns the answer.
func (s *stage) forward(request *http.Request) []byte {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil
	}
	onward, err := http.NewRequestWithContext(context.WithoutCancel(s.released), request.Method, s.target+request.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil
	}
	onward.Header = request.Header
	response, err := http.DefaultClient.Do(onward)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	answer, _ := httputil.DumpResponse(response, true)
	return answer
}

// passOn passes a request on, and the answer back.
// It reports whether the connection stays open.
func passOn(s *stage, conn net.Conn, request *http.Request) bool {
	_, err := conn.Write(s.forward(request))
	return err == nil
}

// neverRead leaves a request in the kernel's buffers.
// It reports whether the connection stays open.
func neverRead(s *stage, _ net.Conn, request *http.Request) bool {
	s.hold()
	if _, err := io.Copy(io.Discard, request.Body); err == nil {
		s.whole.Store(true)
	}
	return false
}

// neverAnswer passes a request on and keeps the answer.
// It reports whether the connection stays open.
func neverAnswer(s *stage, _ net.Conn, request *http.Request) bool {
	s.forward(request)
	s.hold()
	return false
}

// halfAnswer passes a request on and gives the first half of the answer; others get all of it.
// It reports whether the connection stays open.
func halfAnswer(s *stage, conn net.Conn, request *http.Request) bool {
	if s.bulks.Load() > 1 {
		return passOn(s, conn, request)
	}
	answer := s.forward(request)
	_, _ = conn.Write(answer[:len(answer)/2])
	s.hold()
	return false
}

// oneOfTwo waits for two large requests under way, and answers the one that came first.
// It reports whether the connection stays open.
func oneOfTwo(s *stage, conn net.Conn, request *http.Request) bool {
	if request.ContentLength < 100_000 {
		return passOn(s, conn, request)
	}
	answer := s.forward(request)
	select {
	case s.paired <- struct{}{}: // another one waits
		<-s.answered
		s.hold()
		return false
	case <-s.paired:
		_, err := conn.Write(answer)
		close(s.answered)
		return err == nil
	case <-s.released.Done():
		return false
	}
}

// reject answers requests with a status and header lines.
func reject(status string, header ...string) func(*stage, net.Conn, *http.Request) bool {
	return func(s *stage, conn net.Conn, request *http.Request) bool {
		_, _ = io.Copy(io.Discard, request.Body)
		const body = `{"error":{"type":"es_rejected_execution_exception","reason":"no room"}}`
		_, err := fmt.Fprintf(conn, "HTTP/1.1 %s\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s",
			status, len(body), strings.Join(append(header, ""), "\r\n"), body)
		s.once.Do(func() { close(s.reached) })
		return err == nil
	}
}

// neverAnswerTheSecond answers the first request with 503.
// It reports whether the connection stays open.
func neverAnswerTheSecond(s *stage, conn net.Conn, request *http.Request) bool {
	if s.bulks.Load() > 1 {
		return neverAnswer(s, conn, request)
	}
	_, _ = io.Copy(io.Discard, request.Body)
	_, err := io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: 0\r\n\r\n")
	return err == nil
}

// neverConnectAgain answers the first request, and ends all connections, with no room for others.
// It reports whether the connection stays open.
func neverConnectAgain(s *stage, conn net.Conn, request *http.Request) bool {
	if s.bulks.Load() > 1 {
		return false
	}
	answer := s.forward(request)
	_ = s.listener.Close()
	if err := s.jam(); err != nil {
		panic(err)
	}
	_, _ = conn.Write(answer)
	return false
}

// jam listens on the port without room for a connection: SYNs get no answer.
func (s *stage) jam() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	context.AfterFunc(s.released, func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: s.port, Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		return err
	}
	for {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), 300*time.Millisecond)
		if err != nil {
			s.jammed.Store(true)
			return nil
		}
		context.AfterFunc(s.released, func() { _ = conn.Close() })
	}
}

// connecting reports whether a SYN to the jammed port waits for its answer.
func (s *stage) connecting() bool {
	table, err := os.ReadFile("/proc/net/tcp")
	return err == nil && s.jammed.Load() && strings.Contains(string(table), fmt.Sprintf(" 0100007F:%04X 02 ", s.port))
}

// neverShakeHands reads the first bytes of a connection.
func neverShakeHands(s *stage, conn net.Conn) {
	if n, _ := conn.Read(make([]byte, 1)); n > 0 {
		s.hold()
	}
}

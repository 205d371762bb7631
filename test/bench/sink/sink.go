// Package sink answers bulk requests as Elasticsearch does, one item for each action with only the
// fields of filter_path, and keeps nothing. It is so cheap that it doesn't disturb the measured
// agent.
package sink

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// Count is a sink's traffic since Reset.
type Count struct {
	Requests, Documents int
	Wire, Body          int64 // bytes of bodies, as they came and without compression
	First, Last         time.Time
	Connections         int
	Biggest             int // bytes of the largest answer
}

// Sink is one server on 127.0.0.1. It is safe for concurrent use.
type Sink struct {
	answers Answers

	mu       sync.Mutex
	port     int
	listener net.Listener
	open     map[net.Conn]bool
	count    Count
	sample   []byte
}

// Answers configure the items of an answer.
type Answers struct {
	// RefusedBytes, where it isn't 0, is how large each whole answer grows:
	// every item is then refused with a long reason.
	RefusedBytes int
	// After is how long each bulk answer takes.
	After time.Duration
	// TLS, where it isn't nil, is spoken on every connection.
	TLS *tls.Config
}

// Start returns a sink that listens.
//
// Possible errors: no port can be had.
func Start(answers Answers) (*Sink, error) {
	s := &Sink{answers: answers, open: make(map[net.Conn]bool)}
	return s, s.Come()
}

// Port is where it listens.
func (s *Sink) Port() int { return s.port }

// Address is 127.0.0.1 with the port.
func (s *Sink) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Come listens, on the port that it had before if it had one.
//
// Possible errors: the port can't be had.
func (s *Sink) Come() error {
	listener, err := net.Listen("tcp", s.Address())
	if err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	s.mu.Lock()
	s.listener, s.port = listener, listener.Addr().(*net.TCPAddr).Port
	s.mu.Unlock()
	if s.answers.TLS != nil {
		listener = tls.NewListener(listener, s.answers.TLS)
	}
	go s.accept(listener)
	return nil
}

// Go closes the port and all connections, as a server does that ends.
func (s *Sink) Go() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for connection := range s.open {
		_ = connection.Close()
	}
}

// Count returns the traffic since Reset.
func (s *Sink) Count() Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Reset begins to count anew.
func (s *Sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = Count{Connections: len(s.open)}
}

// Sample is the first body that came, without compression.
func (s *Sink) Sample() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sample
}

func (s *Sink) accept(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[connection] = true
		s.count.Connections++
		s.mu.Unlock()
		go func() {
			newConversation(s, connection).run()
			s.mu.Lock()
			delete(s.open, connection)
			s.mu.Unlock()
			_ = connection.Close()
		}()
	}
}

func (s *Sink) took(documents, wire int, body []byte, answer int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, now := &s.count, time.Now()
	if c.Requests == 0 {
		c.First = now
	}
	c.Last = now
	c.Requests++
	c.Documents += documents
	c.Wire += int64(wire)
	c.Body += int64(len(body))
	c.Biggest = max(c.Biggest, answer)
	if s.sample == nil {
		s.sample = append([]byte(nil), body...)
	}
}

package exchange

import (
	"context"
	"net"
	"time"

	"out_es/plugin/callback"
)

const (
	// promptly is the maximum time that the host's thread itself waits for an answer. Elasticsearch
	// takes a few milliseconds for a small request; a goroutine waits for longer ones.
	promptly = 100 * time.Millisecond
	// corkBytes is the number of bytes that are collected for one system call: a request of 20
	// records has 16 KB.
	corkBytes = 64 << 10
)

// socket is the TCP connection below TLS and proxies. Exchanges wait here.
type socket struct {
	*net.TCPConn
	readiness readiness
	// thread is the context of an exchange on a thread of the host, else nil.
	thread context.Context
	// corked makes Write collect bytes for uncork: head and body, and under TLS each record, are
	// written one by one. Texts longer than corkBytes are not copied.
	corked bool
	out    []byte
	// written counts the bytes that the kernel accepted since reset.
	written int64
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{TCPConn: conn}
	s.readiness.init(raw)
	return s, nil
}

// Read implements net.Conn. A goroutine parks until the socket is readable. A thread of the host
// waits in the kernel instead, since parking a goroutine that is locked to its thread takes two
// more switches to other threads.
func (s *socket) Read(p []byte) (n int, err error) {
	if s.thread == nil || s.readiness.within(promptly) {
		return s.TCPConn.Read(p)
	}
	callback.Offload(s.thread, func(context.Context) { n, err = s.TCPConn.Read(p) })
	return n, err
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if s.corked && len(s.out)+len(p) > corkBytes {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	if s.corked && len(p) <= corkBytes {
		s.out = append(s.out, p...)
		return len(p), nil
	}
	n, err := s.TCPConn.Write(p)
	s.written += int64(n)
	return n, err
}

func (s *socket) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	n, err := s.TCPConn.Write(s.out)
	s.written += int64(n)
	s.out = s.out[:0]
	return err
}

func (s *socket) cork() { s.corked = true }

// uncork writes the collected bytes.
func (s *socket) uncork() error {
	s.corked = false
	return s.flush()
}

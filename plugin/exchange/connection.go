package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"out_es/plugin/callback"
	"out_es/plugin/guard"
)

const (
	// headBytes bounds an answer's head, interimAnswers the number of 1xx before it.
	headBytes      = 64 << 10
	interimAnswers = 5
	// bufferBytes holds the head and the body of an ordinary answer: it is read with one call.
	// It grows for a long head, and shrinks when the connection is idle again.
	bufferBytes = 4 << 10
	// lineBytes bounds a line between chunks.
	lineBytes = 4 << 10
	// sequentialBytes is the longest request that is written before its answer is awaited: it fits
	// into the kernel's buffers, so writing doesn't wait for the server.
	sequentialBytes = 64 << 10
	// lateAnswer is the time to wait for an answer on a connection that accepts no more bytes.
	lateAnswer = time.Second
)

var (
	errHeadSize = fmt.Errorf("exchange: the answer's header is over %d bytes", headBytes)
	errInterim  = fmt.Errorf("exchange: over %d interim answers (1xx)", interimAnswers)
	errWriter   = errors.New("exchange: a fault of this plugin while a request was written")
	errLine     = fmt.Errorf("%w: a line of it is over %d bytes", errChunk, lineBytes)
)

// connection is one kept-alive connection, and the exchange that runs on it, if any. One goroutine
// at a time uses it; only interrupt is called from others.
type connection struct {
	net.Conn // over socket, perhaps through TLS
	socket   *socket
	plain    bool // Conn is socket
	pool     *Pool
	// generation is the pool's at the connection's start, since the begin of its idle time.
	generation int
	since      time.Time

	// buffer[from:to] was read and is unused.
	buffer   []byte
	from, to int
	answer   Answer
	rest     [512]byte

	// ctx is the running exchange's; stop ends watching ctx.
	ctx       context.Context
	stop      func() bool
	interrupt func()
}

func newConnection(p *Pool, conn net.Conn, s *socket, generation int) *connection {
	c := &connection{Conn: conn, socket: s, plain: conn == net.Conn(s), pool: p, generation: generation, buffer: make([]byte, bufferBytes)}
	c.answer.connection = c
	c.interrupt = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	return c
}

// exchange writes a request and reads the head of its answer.
//
// Possible errors: *Error.
func (c *connection) exchange(ctx context.Context, r *Request) (*Answer, error) {
	c.begin(ctx)
	var err error
	if len(r.Head)+len(r.Body) <= sequentialBytes {
		c.onThread(ctx)
		err = c.sequential(r)
	} else {
		callback.Offload(ctx, func(context.Context) { err = c.concurrent(r) })
		c.onThread(ctx)
	}
	if err != nil {
		began := c.socket.written > 0
		c.end(false)
		return nil, &Error{Started: began, Err: err}
	}
	return &c.answer, nil
}

// begin applies ctx to the exchange: its deadline becomes the connection's, its cancellation a
// deadline in the past.
func (c *connection) begin(ctx context.Context) {
	deadline, _ := ctx.Deadline() // the zero time is no deadline
	_ = c.SetDeadline(deadline)
	c.ctx, c.socket.written = ctx, 0
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.interrupt)
	}
}

// onThread notes whether the following reads are on a thread of the host.
func (c *connection) onThread(ctx context.Context) {
	if callback.OnThread(ctx) {
		c.socket.thread = ctx
	}
}

// end ends the exchange. A connection behind a whole answer is kept.
func (c *connection) end(whole bool) {
	if c.ctx == nil {
		return // ended already
	}
	if c.stop != nil && !c.stop() {
		whole = false // the interruption may still come
	}
	c.ctx, c.stop, c.socket.thread = nil, nil, nil
	if !whole || c.from != c.to {
		_ = c.socket.Close() // without TLS's close_notify, which could block
		return
	}
	c.from, c.to = 0, 0
	if len(c.buffer) > bufferBytes {
		c.buffer = make([]byte, bufferBytes)
	}
	c.pool.put(c)
}

// sequential writes the request, then reads the answer's head.
func (c *connection) sequential(r *Request) error {
	problem := c.write(r)
	if problem != nil && !c.awaitLate(problem) {
		return problem
	}
	err := c.readHead(r)
	if problem == nil {
		return err
	}
	c.answer.head.closes = true
	if err != nil {
		return problem
	}
	return nil
}

// awaitLate reports whether an answer may have arrived although the request could not be written: a
// server that refuses a request may stop reading it.
func (c *connection) awaitLate(problem error) bool {
	if c.socket.written == 0 || c.ctx.Err() != nil || errors.Is(problem, os.ErrDeadlineExceeded) {
		return false
	}
	late := time.Now().Add(lateAnswer)
	if deadline, bounded := c.ctx.Deadline(); bounded && deadline.Before(late) {
		late = deadline
	}
	_ = c.SetReadDeadline(late)
	return true
}

// concurrent writes a long request on a goroutine while it waits for the answer: a server may
// answer before it has read everything, and stop reading. When it returns, no goroutine reads the
// request any more.
func (c *connection) concurrent(r *Request) error {
	wrote := make(chan error, 1)
	fault := func(problem any) { wrote <- fmt.Errorf("%w: %v", errWriter, problem) }
	guard.Go(fault, func() {
		problem := c.write(r)
		if problem != nil {
			c.awaitLate(problem)
		}
		wrote <- problem
	})
	err := c.readHead(r)
	problem, early := c.awaitWriter(wrote, err)
	if problem == nil && !early {
		return err
	}
	c.answer.head.closes = true
	if err != nil && problem != nil && errors.Is(err, context.DeadlineExceeded) && !errors.Is(problem, context.DeadlineExceeded) {
		return problem // the answer was awaited only because writing failed
	}
	return err
}

// awaitWriter returns when the writer has ended. An answer before the end of the request ends it.
func (c *connection) awaitWriter(wrote <-chan error, answer error) (problem error, early bool) {
	if answer == nil {
		timer := time.NewTimer(restTime)
		defer timer.Stop()
		select {
		case problem = <-wrote:
			return problem, false
		case <-timer.C:
		}
	}
	_ = c.socket.SetWriteDeadline(time.Unix(1, 0))
	return c.explain(<-wrote), true
}

// write writes the whole request.
func (c *connection) write(r *Request) error {
	c.socket.cork()
	_, err := c.Conn.Write(r.Head)
	if err == nil && len(r.Body) > 0 {
		_, err = c.Conn.Write(r.Body)
	}
	if last := c.socket.uncork(); err == nil {
		err = last
	}
	return c.explain(err)
}

// explain replaces a deadline by its cause: the end of the exchange's time, or its cancellation.
func (c *connection) explain(err error) error {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if errors.Is(c.ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return fmt.Errorf("%w (%w)", context.DeadlineExceeded, err)
}

// readHead reads the head of the final answer.
func (c *connection) readHead(r *Request) error {
	for range interimAnswers + 1 {
		text, err := c.headText()
		if err != nil {
			return err
		}
		h, err := parseHead(text)
		if err != nil {
			return err
		}
		if !h.interim() {
			c.answer.begin(h, text, r.Method)
			return nil
		}
	}
	return errInterim
}

// headText reads up to an empty line.
func (c *connection) headText() ([]byte, error) {
	const protocol = "HTTP/"
	line, seen := 0, 0 // behind from: where the current line begins, what holds no line's end
	for {
		text := c.buffer[c.from:c.to]
		end := bytes.IndexByte(text[seen:], '\n')
		if end >= 0 {
			seen += end + 1
			if length := seen - line; length == 1 || length == 2 && text[line] == '\r' {
				c.from += seen
				return text[:seen], nil
			}
			line = seen
			continue
		}
		seen = len(text)
		if seen >= len(protocol) && string(text[:len(protocol)]) != protocol {
			return nil, errStatusLine
		}
		if err := c.fill(headBytes, errHeadSize); err != nil {
			if errors.Is(err, io.EOF) && seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// line reads up to and including a line's end. It is valid until the next call.
func (c *connection) line() ([]byte, error) {
	seen := 0
	for {
		text := c.buffer[c.from:c.to]
		if end := bytes.IndexByte(text[seen:], '\n'); end >= 0 {
			c.from += seen + end + 1
			return text[:seen+end+1], nil
		}
		seen = len(text)
		if err := c.fill(lineBytes, errLine); err != nil {
			return nil, err
		}
	}
}

// fill reads more into the buffer, up to most unused bytes.
//
// Possible errors: those of reading; full.
func (c *connection) fill(most int, full error) error {
	if c.to-c.from >= most {
		return full
	}
	if c.from > 0 {
		c.to = copy(c.buffer, c.buffer[c.from:c.to])
		c.from = 0
	}
	if c.to == len(c.buffer) {
		c.buffer = append(c.buffer, make([]byte, len(c.buffer))...)
	}
	n, err := c.Conn.Read(c.buffer[c.to:min(len(c.buffer), most)])
	c.to += n
	if n > 0 {
		return nil
	}
	return c.explain(noProgress(err))
}

// read reads from the buffer, or from the connection if it is empty.
func (c *connection) read(p []byte) (int, error) {
	if c.from < c.to {
		n := copy(p, c.buffer[c.from:c.to])
		c.from += n
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if n > 0 {
		return n, nil
	}
	return 0, c.explain(noProgress(err))
}

func noProgress(err error) error {
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (c *connection) scratch() []byte { return c.rest[:] }

// isAlive reports whether an idle connection can be used again: the server has neither closed it
// nor sent anything. Under TLS that may be a session ticket, which is read and ignored.
func (c *connection) isAlive() bool {
	if !c.socket.readiness.within(0) {
		return true
	}
	if c.plain {
		return false
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	n, err := c.Conn.Read(c.rest[:])
	// On a busy machine the time may be over before the read.
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !c.socket.readiness.within(0)
}

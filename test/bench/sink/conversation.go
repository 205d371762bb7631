package sink

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// conversation is one connection. Its buffers grow with the requests and are reused, so that a
// request costs reading it, counting its lines and writing the answer.
type conversation struct {
	sink   *Sink
	in     *bufio.Reader
	out    net.Conn
	wire   bytes.Buffer // the body as it came
	plain  bytes.Buffer // the body without compression
	gunzip *gzip.Reader
	answer []byte

	wireBytes int // of the body as it came: reading it empties wire
}

// readBytes is the size of a read: a few system calls for a body of 2 MB.
const readBytes = 256 << 10

func newConversation(s *Sink, connection net.Conn) *conversation {
	return &conversation{sink: s, in: bufio.NewReaderSize(connection, readBytes), out: connection}
}

// head has the relevant parts of a request's head.
type head struct {
	method, path string
	length       int
	chunked      bool
	gzip         bool
	expects      bool
}

func (c *conversation) run() {
	for {
		h, err := c.readHead()
		if err != nil {
			return
		}
		body, err := c.readBody(h)
		if err != nil {
			return
		}
		if err := c.reply(h, body); err != nil {
			return
		}
	}
}

func (c *conversation) readHead() (h head, err error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return h, err
	}
	words := strings.Fields(line)
	if len(words) != 3 {
		return h, fmt.Errorf("sink: %q is no request", line)
	}
	h.method, h.path = words[0], words[1]
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return h, err
		}
		name, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if !found {
			return h, nil
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			if h.length, err = strconv.Atoi(value); err != nil {
				return h, err
			}
		case "transfer-encoding":
			h.chunked = value == "chunked"
		case "content-encoding":
			h.gzip = value == "gzip"
		case "expect":
			h.expects = true
		}
	}
}

func (c *conversation) readBody(h head) ([]byte, error) {
	if h.expects {
		if _, err := io.WriteString(c.out, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return nil, err
		}
	}
	c.wire.Reset()
	var err error
	if h.chunked {
		_, err = io.Copy(&c.wire, httputil.NewChunkedReader(c.in))
		if err == nil {
			_, err = c.in.ReadString('\n') // the empty line after the last chunk
		}
	} else {
		_, err = io.CopyN(&c.wire, c.in, int64(h.length))
	}
	c.wireBytes = c.wire.Len()
	if err != nil || !h.gzip {
		return c.wire.Bytes(), err
	}
	return c.inflate()
}

func (c *conversation) inflate() (body []byte, err error) {
	if c.gunzip == nil {
		c.gunzip, err = gzip.NewReader(&c.wire)
	} else {
		err = c.gunzip.Reset(&c.wire)
	}
	if err != nil {
		return nil, err
	}
	c.plain.Reset()
	_, err = c.plain.ReadFrom(c.gunzip)
	return c.plain.Bytes(), err
}

func (c *conversation) reply(h head, body []byte) error {
	status, documents := "200 OK", 0
	path, query, _ := strings.Cut(h.path, "?")
	bulk := strings.HasSuffix(path, "/_bulk")
	switch {
	case bulk:
		var operation string
		documents, operation = countDocuments(body)
		c.answer = c.sink.answers.appendBulk(c.answer[:0], documents, operation, query)
	case path == "/":
		c.answer = append(c.answer[:0], `{"name":"sink","cluster_name":"sink","version":{"number":"9.5.3","build_flavor":"default"},"tagline":"You Know, for Search"}`...)
	default:
		c.answer = append(c.answer[:0], "{}"...)
	}
	answer := c.answer
	if h.method == "HEAD" {
		answer = nil
	}
	if bulk {
		time.Sleep(c.sink.answers.After)
		c.sink.took(documents, c.wireBytes, body, len(answer))
	}
	header := fmt.Sprintf("HTTP/1.1 %s\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n", status, len(answer))
	if c.sink.answers.TLS != nil { // each Write is a record of its own there
		_, err := c.out.Write(append([]byte(header), answer...))
		return err
	}
	_, err := (&net.Buffers{[]byte(header), answer}).WriteTo(c.out)
	return err
}

// countDocuments counts pairs of an action line and a document. A line in place of an action that
// is none ends the count: Elasticsearch would reject such a body.
func countDocuments(body []byte) (documents int, operation string) {
	for len(body) > 0 {
		end := bytes.IndexByte(body, '\n')
		if end < 0 || !bytes.HasPrefix(body, []byte(`{"`)) {
			return documents, operation
		}
		if operation == "" {
			name, _, _ := bytes.Cut(body[2:end], []byte(`"`))
			operation = string(name)
		}
		body = body[end+1:]
		end = bytes.IndexByte(body, '\n')
		if end < 0 {
			return documents, operation
		}
		body = body[end+1:]
		documents++
	}
	return documents, operation
}

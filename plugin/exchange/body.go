package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// restBytes and restTime bound the reading of an answer's rest, such as white space or the end
	// of chunks, after which the connection can be used again.
	restBytes = 4 << 10
	restTime  = 100 * time.Millisecond
	// trailerBytes bounds the fields behind the last chunk.
	trailerBytes = 16 << 10
)

var errChunk = errors.New("exchange: the answer is not chunked as it says")

// framing is the way in which an answer's body ends.
type framing uint8

const (
	sized framing = iota
	chunked
	untilClose
)

// Answer is an answer after its head was read. It belongs to its connection: it must not be used
// after Close.
type Answer struct {
	connection *connection
	head       head
	// text is the unparsed head, valid until the body is read.
	text    []byte
	framing framing
	// left is the number of unread bytes of the body, or of the current chunk.
	left int64
	// chunks means that the end of a chunk is due before the next one.
	chunks bool
	// ended is the error of further reads: io.EOF behind a whole body.
	ended error
}

// begin initializes the answer from a head.
func (a *Answer) begin(h head, text []byte, method string) {
	*a = Answer{connection: a.connection, head: h, text: text}
	switch {
	case h.bodiless() || method == http.MethodHead:
		a.ended = io.EOF
	case h.chunked:
		a.framing = chunked
	case h.length >= 0:
		a.left = h.length
	default:
		a.framing = untilClose
	}
}

// Status is the answer's status.
func (a *Answer) Status() int { return a.head.status }

// Field returns the first header field of that name, "" for none. It must be called before the body
// is read.
func (a *Answer) Field(name string) string {
	_, fields := cutLine(a.text)
	for {
		key, value, rest, err := cutField(fields)
		if err != nil || key == nil {
			return ""
		}
		if is(key, name) {
			return string(value)
		}
		fields = rest
	}
}

// header returns all header fields.
func (a *Answer) header() http.Header {
	all := http.Header{}
	_, fields := cutLine(a.text)
	for {
		key, value, rest, err := cutField(fields)
		if err != nil || key == nil {
			return all
		}
		all.Add(string(key), string(value))
		fields = rest
	}
}

// Read implements io.Reader for the body. A body that ends early is io.ErrUnexpectedEOF.
func (a *Answer) Read(p []byte) (n int, err error) {
	if a.ended == nil && len(p) > 0 {
		n, a.ended = a.read(p)
	}
	if n > 0 {
		return n, nil
	}
	return 0, a.ended
}

// read reads at least one byte, unless it returns an error.
func (a *Answer) read(p []byte) (int, error) {
	if a.framing == untilClose {
		n, err := a.connection.read(p)
		return n, err
	}
	if a.left == 0 && a.framing == chunked {
		if err := a.nextChunk(); err != nil {
			return 0, err
		}
	}
	if a.left == 0 {
		return 0, io.EOF
	}
	n, err := a.connection.read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	if a.left == 0 && a.framing == sized {
		return n, io.EOF
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// nextChunk reads the line before a chunk. Behind the last one it reads the trailer, and returns
// io.EOF.
func (a *Answer) nextChunk() error {
	if a.chunks {
		if line, err := a.connection.line(); err != nil {
			return unexpected(err)
		} else if string(line) != "\r\n" {
			return errChunk
		}
	}
	a.chunks = true
	line, err := a.connection.line()
	if err != nil {
		return unexpected(err)
	}
	if a.left, err = chunkSize(line); err != nil {
		return err
	}
	if a.left > 0 {
		return nil
	}
	for read := 0; ; {
		line, err := a.connection.line()
		switch {
		case err != nil:
			return unexpected(err)
		case string(line) == "\r\n":
			return io.EOF
		}
		if name, _, _, err := cutField(line); err != nil || name == nil || !bytes.HasSuffix(line, []byte("\r\n")) {
			return errChunk
		}
		if read += len(line); read > trailerBytes {
			return fmt.Errorf("%w: its trailer is over %d bytes", errChunk, trailerBytes)
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunkSize reads `1f4`, and ignores the text behind a semicolon.
func chunkSize(line []byte) (int64, error) {
	line, found := bytes.CutSuffix(line, []byte("\r\n"))
	if !found || bytes.IndexByte(line, '\r') >= 0 {
		return 0, errChunk
	}
	digits, _, _ := bytes.Cut(line, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	const most = 15 // digits of an int64
	if len(digits) == 0 || len(digits) > most {
		return 0, errChunk
	}
	size := int64(0)
	for _, c := range digits {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, errChunk
		}
		size = size<<4 | int64(c)
	}
	return size, nil
}

// Close ends the exchange. The connection is kept if the answer was read to its end, except for a
// short rest.
func (a *Answer) Close() error {
	a.connection.end(a.drain())
	return nil
}

// drain reads a short rest, and reports whether the connection is at the end of the answer.
func (a *Answer) drain() bool {
	if a.ended == nil && a.framing != untilClose && !a.head.closes && a.left <= restBytes {
		_ = a.connection.SetReadDeadline(time.Now().Add(restTime))
		for scratch, read := a.connection.scratch(), 0; a.ended == nil && read < restBytes; {
			n, _ := a.Read(scratch)
			read += n
		}
	}
	return errors.Is(a.ended, io.EOF) && a.framing != untilClose && !a.head.closes
}

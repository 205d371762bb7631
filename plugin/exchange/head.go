package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// head has the relevant parts of an answer's status line and header fields.
type head struct {
	// status is the three digits, minor the version: 1 of HTTP/1.1.
	status, minor int
	// length is the Content-Length, -1 without one.
	length  int64
	chunked bool
	// closes means that the server closes the connection behind the answer.
	closes bool
}

// The errors of an answer that is not HTTP/1. net/http accepts some answers that are rejected here,
// such as a Content-Length beside a Transfer-Encoding: the sender may mean another end of the
// answer than we do (RFC 9112, section 6.3).
var (
	errStatusLine = errors.New("exchange: the answer does not begin with an HTTP/1 status line")
	errField      = errors.New("exchange: the answer has a malformed header field")
	errLengths    = errors.New("exchange: the answer has conflicting lengths")
	errCoding     = errors.New("exchange: the answer has a transfer coding other than chunked")
)

// parseHead reads an answer's head, the empty line included.
//
// Possible errors: errStatusLine, errField, errLengths, errCoding.
func parseHead(text []byte) (head, error) {
	h := head{length: -1}
	line, fields := cutLine(text)
	if err := h.statusLine(line); err != nil {
		return h, err
	}
	for {
		name, value, rest, err := cutField(fields)
		if err != nil {
			return h, err
		}
		if name == nil {
			return h, h.framing()
		}
		if err := h.field(name, value); err != nil {
			return h, err
		}
		fields = rest
	}
}

// statusLine reads `HTTP/1.1 200 OK`. The words behind the digits may be missing.
func (h *head) statusLine(line []byte) error {
	const version = "HTTP/1."
	if len(line) < len(version)+5 || string(line[:len(version)]) != version || line[8] != ' ' {
		return errStatusLine
	}
	switch line[7] {
	case '0', '1':
		h.minor = int(line[7] - '0')
	default:
		return errStatusLine
	}
	for _, c := range line[9:12] {
		if !isDigit(c) {
			return errStatusLine
		}
		h.status = 10*h.status + int(c-'0')
	}
	if len(line) > 12 && line[12] != ' ' || h.status < 100 {
		return errStatusLine
	}
	return nil
}

func (h *head) field(name, value []byte) error {
	switch {
	case is(name, "Content-Length"):
		return h.contentLength(value)
	case is(name, "Transfer-Encoding"):
		if h.chunked || !is(value, "chunked") {
			return errCoding
		}
		h.chunked = true
	case is(name, "Connection"):
		h.closes = h.closes || hasToken(value, "close")
	}
	return nil
}

// contentLength reads a length. A second one is rejected, whatever its value.
func (h *head) contentLength(value []byte) error {
	if len(value) == 0 || h.length >= 0 {
		return errLengths
	}
	length := int64(0)
	for _, c := range value {
		if !isDigit(c) || length > math.MaxInt64/10-10 {
			return errLengths
		}
		length = 10*length + int64(c-'0')
	}
	h.length = length
	return nil
}

// framing determines how the answer ends.
func (h *head) framing() error {
	if h.chunked && (h.length >= 0 || h.minor == 0) {
		return errLengths
	}
	if h.minor == 0 {
		h.closes = true
	}
	return nil
}

// interim reports whether another answer to the same request follows (RFC 9110, section 15.2).
func (h *head) interim() bool { return h.status < 200 && h.status != 101 }

// bodiless reports whether an answer with that status never has a body.
func (h *head) bodiless() bool { return h.status < 200 || h.status == 204 || h.status == 304 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// is reports whether names are equal as in HTTP, ignoring case.
func is(text []byte, name string) bool {
	return len(text) == len(name) && bytes.EqualFold(text, []byte(name))
}

// hasToken reports whether a list such as `keep-alive, close` has the token.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte{','})
		if is(trim(one), token) {
			return true
		}
	}
	return false
}

func trim(value []byte) []byte { return bytes.Trim(value, " \t") }

// cutLine returns the first line without its end, which is CRLF or, as many readers accept, LF
// alone.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), rest
}

// cutField returns the first header field of a head. A nil name is the end. A line that begins with
// white space continues the field before it (RFC 9112, section 5.2): it is rejected behind a field
// that matters, and ignored elsewhere.
//
// Possible errors: errField.
func cutField(text []byte) (name, value, rest []byte, err error) {
	line, rest := cutLine(text)
	if len(line) == 0 {
		return nil, nil, rest, nil
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found || len(name) == 0 {
		return nil, nil, nil, errField
	}
	for _, c := range name {
		if !isTokenByte(c) {
			return nil, nil, nil, errField
		}
	}
	matters := is(name, "Content-Length") || is(name, "Transfer-Encoding") || is(name, "Connection")
	for more := value; ; more, rest = cutLine(rest) {
		if !isText(more) {
			return nil, nil, nil, errField
		}
		if len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			return name, trim(value), rest, nil
		}
		if matters {
			return nil, nil, nil, fmt.Errorf("%w: %s is folded", errField, name)
		}
	}
}

// isText reports whether a field's value may have all of these characters.
func isText(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isTokenByte reports whether a field's name may have the character (RFC 9110, section 5.6.2).
func isTokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c):
		return true
	}
	return c > ' ' && c < 0x7f && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
}

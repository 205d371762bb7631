package bulk

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// errSyntax means that an answer is not the JSON that it should be.
var errSyntax = errors.New("bulk: the answer is not valid JSON")

// ErrAnswerSize means that an answer went on beyond maxAnswerBytes. What was
// read before holds.
var ErrAnswerSize = errors.New("bulk: the answer is larger than this plugin reads")

const (
	// windowBytes is how much of an answer is in memory at a time.
	windowBytes = 16 << 10
	// maxAnswerBytes ends an answer that never ends. An item of a request of
	// Bulk_Size 5M is at least 60 bytes, so at most 87,000 items, each with
	// textBytes of reason at the most: 128 MB leaves room for them all.
	maxAnswerBytes = 128 << 20
	// textBytes is how much of a string is kept. Elasticsearch's reasons can
	// quote whole fields.
	textBytes = 1 << 10
	// nesting is how deep an answer's values may lie in one another.
	nesting = 64
)

// scanner pulls JSON tokens from a stream through one small window. It holds
// at most windowBytes and one string cut to textBytes, whatever the stream's
// size, and allocates nothing once it exists.
type scanner struct {
	source io.Reader
	window []byte // window[at:] is read but not consumed
	at     int
	total  int
	buffer [windowBytes]byte
	text   [textBytes]byte
}

func (s *scanner) reset(source io.Reader) {
	s.source, s.window, s.at, s.total = source, s.buffer[:0], 0, 0
}

// fill makes at least n bytes available where the stream has them. n must not
// exceed windowBytes.
func (s *scanner) fill(n int) error {
	if len(s.window)-s.at >= n {
		return nil
	}
	held := copy(s.buffer[:], s.window[s.at:])
	s.window, s.at = s.buffer[:held], 0
	for idle := 0; held < n; idle++ {
		read, err := s.source.Read(s.buffer[held:])
		held += read
		s.total += read
		s.window = s.buffer[:held]
		switch {
		case held >= n:
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return fmt.Errorf("bulk: reading the answer: %w", err)
		case s.total > maxAnswerBytes:
			return ErrAnswerSize
		case read == 0 && idle > 100:
			return io.ErrNoProgress
		}
	}
	return nil
}

// byte consumes one byte.
func (s *scanner) byte() (byte, error) {
	if s.at == len(s.window) {
		if s.total > maxAnswerBytes {
			return 0, ErrAnswerSize
		}
		if err := s.fill(1); err != nil {
			return 0, err
		}
	}
	c := s.window[s.at]
	s.at++
	return c, nil
}

// token consumes white space and the byte behind it.
func (s *scanner) token() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
	}
}

// expect consumes white space and exactly the byte want.
func (s *scanner) expect(want byte) error {
	c, err := s.token()
	if err == nil && c != want {
		return errSyntax
	}
	return err
}

// literal consumes want if the window has it at its start. The window is
// filled first, so that a literal is found across a window's edge too.
func (s *scanner) literal(want string) bool {
	if len(s.window)-s.at < len(want) && s.fill(len(want)) != nil {
		return false
	}
	if string(s.window[s.at:s.at+len(want)]) != want {
		return false
	}
	s.at += len(want)
	return true
}

// each walks the members of an object or array whose opening byte was
// consumed: it calls member until the closing byte, commas in between.
func (s *scanner) each(closing byte, member func(first byte) error) error {
	for n := 0; ; n++ {
		c, err := s.token()
		if err != nil {
			return err
		}
		if n == 0 && c == closing {
			return nil
		}
		if err = member(c); err != nil {
			return err
		}
		if c, err = s.token(); err != nil {
			return err
		}
		if c == closing {
			return nil
		}
		if c != ',' {
			return errSyntax
		}
	}
}

// object walks an object whose '{' was consumed. field gets each key, valid
// only until it reads on, and must consume the value.
func (s *scanner) object(field func(key []byte) error) error {
	return s.each('}', func(first byte) error {
		if first != '"' {
			return errSyntax
		}
		key, err := s.string()
		if err != nil {
			return err
		}
		if err = s.expect(':'); err != nil {
			return err
		}
		return field(key)
	})
}

// string consumes a string whose opening quote was consumed, and returns up to
// textBytes of it, unescaped, valid until the next call.
func (s *scanner) string() ([]byte, error) {
	text := s.text[:0]
	for {
		c, err := s.byte()
		if err != nil {
			return nil, err
		}
		switch {
		case c == '"':
			return text, nil
		case c < ' ':
			return nil, errSyntax
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			if len(text)+utf8.UTFMax <= textBytes {
				text = utf8.AppendRune(text, r)
			}
		case len(text) < textBytes:
			text = append(text, c)
		}
	}
}

// escape consumes what follows a backslash. A surrogate's half becomes U+FFFD:
// no text that is read here is told apart by one.
func (s *scanner) escape() (rune, error) {
	c, err := s.byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return s.hex()
	}
	return 0, errSyntax
}

func (s *scanner) hex() (rune, error) {
	var r rune
	for range 4 {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, errSyntax
		}
	}
	return r, nil
}

// skip consumes the value that starts with first.
func (s *scanner) skip(first byte, depth int) error {
	switch {
	case depth > nesting:
		return errSyntax
	case first == '"':
		_, err := s.string()
		return err
	case first == '{':
		return s.object(func([]byte) error {
			c, err := s.token()
			if err != nil {
				return err
			}
			return s.skip(c, depth+1)
		})
	case first == '[':
		return s.each(']', func(c byte) error { return s.skip(c, depth+1) })
	}
	_, err := s.atom(first)
	return err
}

// atom consumes a number, true, false or null and returns the number where it
// is a whole one of at most nine digits, else 0.
func (s *scanner) atom(first byte) (int, error) {
	text := append(s.text[:0], first)
	for {
		if err := s.fill(1); err != nil {
			return 0, err
		}
		c := s.window[s.at]
		if c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t' {
			return atomValue(text)
		}
		if len(text) == 64 {
			return 0, errSyntax // no number of an answer is as long
		}
		text = append(text, c)
		s.at++
	}
}

package bulk

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// errSyntax means that an answer is not the JSON that it should be.
var errSyntax = errors.New("bulk: the answer is not valid JSON")

// ErrAnswerSize means that an answer is longer than maxAnswerBytes. The items before that are
// valid.
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
	// longestAtom is beyond any number of an answer.
	longestAtom = 64
)

// scanner pulls JSON tokens from a stream through one small window. It holds
// at most windowBytes and one string cut to textBytes, whatever the stream's
// size, and allocates nothing once it exists.
type scanner struct {
	source io.Reader
	window []byte // window[at:] is read but not consumed
	at     int
	total  int
	// ended is why nothing more comes from source: it is not asked again.
	ended  error
	buffer [windowBytes]byte
	// text has room for a character that begins within textBytes.
	text [textBytes + utf8.UTFMax]byte
}

func (s *scanner) reset(source io.Reader) {
	s.source, s.window, s.at, s.total, s.ended = source, s.buffer[:0], 0, 0, nil
}

// fill makes at least n bytes available where the stream has them. n must not
// exceed windowBytes.
func (s *scanner) fill(n int) error {
	if len(s.window)-s.at >= n {
		return nil
	}
	held := copy(s.buffer[:], s.window[s.at:])
	s.window, s.at = s.buffer[:held], 0
	for idle := 0; held < n; {
		if s.ended == nil && s.total > maxAnswerBytes {
			s.ended = ErrAnswerSize
		}
		if s.ended != nil {
			return s.ended
		}
		read, err := s.source.Read(s.buffer[held:])
		held += read
		s.total += read
		s.window = s.buffer[:held]
		if idle++; read > 0 {
			idle = 0
		}
		s.ended = ending(err, idle)
	}
	return nil
}

// ending is why a source that answered with err is not asked again.
func ending(err error, idle int) error {
	const patience = 100 // empty reads in a row, as bufio has it
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return fmt.Errorf("bulk: reading the answer: %w", err)
	case idle > patience:
		return io.ErrNoProgress
	}
	return nil
}

// byte consumes one byte.
func (s *scanner) byte() (byte, error) {
	if s.at == len(s.window) {
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

// literal consumes want at the start of the window, and reports whether it was there. The window is
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

// each walks the members of an object or array behind its opening byte: it calls member until the
// closing byte, and consumes the commas in between.
func (s *scanner) each(closing byte, member func(first byte) error) error {
	for n := 0; ; n++ {
		first, more, err := s.next(n, closing)
		if err != nil || !more {
			return err
		}
		if err = member(first); err != nil {
			return err
		}
	}
}

// next consumes the separator before the member that has n others in front of it, and its first
// byte, or the closing byte if there are no more.
func (s *scanner) next(n int, closing byte) (first byte, more bool, err error) {
	c, err := s.token()
	if err != nil || c == closing {
		return 0, false, err
	}
	if n == 0 {
		return c, true, nil
	}
	if c != ',' {
		return 0, false, errSyntax
	}
	c, err = s.token()
	return c, err == nil, err
}

// object walks an object behind its '{'. field gets each key, valid only until it reads on, and
// must consume the value.
func (s *scanner) object(field func(key []byte) error) error {
	return s.each('}', func(first byte) error {
		key, err := s.key(first)
		if err != nil {
			return err
		}
		return field(key)
	})
}

// key consumes a key that starts with first, and its colon.
func (s *scanner) key(first byte) ([]byte, error) {
	if first != '"' {
		return nil, errSyntax
	}
	key, err := s.string()
	if err != nil {
		return nil, err
	}
	return key, s.expect(':')
}

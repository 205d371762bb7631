package bulk

import (
	"encoding/json"
	"unicode/utf8"
)

// string consumes a string behind its opening quote, and returns its first textBytes, and the rest
// of a character that ends behind them, unescaped, valid until the next call.
func (s *scanner) string() ([]byte, error) {
	text := s.text[:0]
	for {
		run := plainRun(s.window[s.at:])
		text = append(text, run[:min(len(run), max(0, textBytes-len(text)))]...)
		s.at += len(run)
		c, err := s.byte()
		switch {
		case err != nil:
			return nil, err
		case c == '"':
			return text, nil
		case c < ' ':
			return nil, errSyntax
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			if len(text) < textBytes {
				text = utf8.AppendRune(text, r)
			}
		default:
			s.at-- // the window was empty: now there is a run
		}
	}
}

// plainRun is the beginning of b that needs no unescaping.
func plainRun(b []byte) []byte {
	for i, c := range b {
		if c == '"' || c == '\\' || c < ' ' {
			return b[:i]
		}
	}
	return b
}

// escape consumes the escape behind a backslash. Half of a surrogate pair becomes U+FFFD: no text
// that is read here depends on it.
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

// skipNext consumes white space and the value behind it.
func (s *scanner) skipNext(depth int) error {
	c, err := s.token()
	if err != nil {
		return err
	}
	return s.skip(c, depth)
}

// skip consumes the value that starts with first.
func (s *scanner) skip(first byte, depth int) error {
	switch first {
	case '"':
		_, err := s.string()
		return err
	case '{', '[':
		return s.skipMembers(first, depth+1)
	}
	_, err := s.atom(first)
	return err
}

// skipMembers consumes an object or array behind its opening byte. It recurses, and so avoids the
// functions of each and object, which the compiler would put on the heap.
func (s *scanner) skipMembers(opening byte, depth int) error {
	if depth > nesting {
		return errSyntax
	}
	for n := 0; ; n++ {
		first, more, err := s.next(n, opening+2) // ASCII has '}' and ']' there
		if err != nil || !more {
			return err
		}
		if opening == '{' {
			if _, err = s.key(first); err != nil {
				return err
			}
			if first, err = s.token(); err != nil {
				return err
			}
		}
		if err = s.skip(first, depth); err != nil {
			return err
		}
	}
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
			break
		}
		if len(text) == longestAtom {
			return 0, errSyntax
		}
		text = append(text, c)
		s.at++
	}
	if n, ok := digits(text); ok {
		return n, nil
	}
	if !json.Valid(text) {
		return 0, errSyntax
	}
	return 0, nil
}

// digits reads a status: up to nine digits.
func digits(text []byte) (n int, ok bool) {
	if len(text) > 9 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

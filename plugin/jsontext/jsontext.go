// Package jsontext writes JSON strings.
package jsontext

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string, quotes included. Bytes that are no
// UTF-8 become U+FFFD, one for each, as encoding/json does; U+2028 and U+2029
// are legal JSON and stay.
func AppendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// appendEscaped appends clean runs whole and stops only at bytes that JSON
// wants escaped or that are not ASCII.
func appendEscaped(dst, s []byte) []byte {
	for {
		n := cleanRun(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		s = s[n:]
		if s[0] < utf8.RuneSelf {
			dst = appendControl(dst, s[0])
			s = s[1:]
			continue
		}
		var size int
		dst, size = appendRunes(dst, s)
		s = s[size:]
	}
}

// cleanRun returns how many bytes of s, from its start, are printable ASCII
// that JSON takes as it is. Eight bytes are looked at in one go; the masks are
// the "has a byte less than n" and "has a zero byte" of Bit Twiddling Hacks,
// of which the lowest set bit is exact.
func cleanRun(s []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quote := w ^ ones*'"'
		slash := w ^ ones*'\\'
		if (w|(w-ones*' ')|(quote-ones)|(slash-ones))&highs != 0 {
			break // something in these eight: the byte loop says where
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}

// appendRunes appends the multi-byte characters at the start of s, and returns
// how many bytes of s it took.
func appendRunes(dst, s []byte) (out []byte, size int) {
	for size < len(s) && s[size] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(s[size:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[:size]...)
			dst = append(dst, "\uFFFD"...)
			return dst, size + 1
		}
		size += n
	}
	return append(dst, s[:size]...), size
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

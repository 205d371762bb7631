// Package jsontext writes JSON strings.
package jsontext

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string, quotes included. Bytes that are no
// UTF-8 become U+FFFD, one for each, as encoding/json does; U+2028 and U+2029
// are legal JSON and stay.
//
// A string without anything to escape, which nearly all are, is checked and
// copied in one pass.
func AppendString(dst, s []byte) []byte {
	const quotes = 2
	at := len(dst)
	dst = slices.Grow(dst, len(s)+quotes)[:at+len(s)+quotes]
	dst[at] = '"'
	n := copyClean(dst[at+1:], s)
	if n < len(s) {
		return appendEscaped(dst[:at+1+n], s[n:])
	}
	dst[len(dst)-1] = '"'
	return dst
}

// appendEscaped appends s, which starts with a byte that JSON wants escaped or
// that is not ASCII, and the closing quote.
func appendEscaped(dst, s []byte) []byte {
	for len(s) > 0 {
		size := 1
		if s[0] < utf8.RuneSelf {
			dst = appendControl(dst, s[0])
		} else {
			dst, size = appendRunes(dst, s)
		}
		s = s[size:]
		at := len(dst)
		dst = slices.Grow(dst, len(s))[:at+len(s)]
		n := copyClean(dst[at:], s)
		dst, s = dst[:at+n], s[n:]
	}
	return append(dst, '"')
}

// copyClean copies s to out up to the first byte that JSON wants escaped or
// that is not ASCII, and returns how many bytes came before that. out is as
// long as s at least; what it holds behind those bytes is undefined.
func copyClean(out, s []byte) int {
	if len(s) < 8 {
		return copyShort(out, s)
	}
	out = out[:len(s)]
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		binary.LittleEndian.PutUint64(out[i:i+8], w)
		if found := dirty(w); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	// The last eight bytes, some of them a second time.
	i = len(s) - 8
	w := binary.LittleEndian.Uint64(s[i:])
	binary.LittleEndian.PutUint64(out[i:], w)
	if found := dirty(w); found != 0 {
		return i + bits.TrailingZeros64(found)/8
	}
	return len(s)
}

// copyShort is copyClean for less than eight bytes.
func copyShort(out, s []byte) int {
	if len(s) >= 4 {
		i := len(s) - 4
		head, tail := binary.LittleEndian.Uint32(s), binary.LittleEndian.Uint32(s[i:])
		binary.LittleEndian.PutUint32(out, head)
		binary.LittleEndian.PutUint32(out[i:], tail)
		if dirty(uint64(head)|uint64(tail)<<32) == 0 {
			return len(s)
		}
	}
	for i, c := range s {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
		out[i] = c
	}
	return len(s)
}

// dirty marks, by the high bit of its byte, the first of w's eight bytes that
// is no printable ASCII, a quote or a backslash; 0 means that none is. The
// terms are the "has a byte less than n" and "has a zero byte" of Bit
// Twiddling Hacks, of which only the lowest mark is exact.
func dirty(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote, slash := w^ones*'"', w^ones*'\\'
	return (w | (w - ones*' ') | (quote - ones) | (slash - ones)) & highs
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

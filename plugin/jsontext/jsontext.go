// Package jsontext writes JSON strings.
package jsontext

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// AppendString appends s as a JSON string, quotes included. Each byte that is not UTF-8 becomes
// U+FFFD, as in encoding/json; U+2028 and U+2029 are legal JSON and stay.
//
// A string without anything to escape, like nearly all, is checked and copied in one pass.
func AppendString(dst, s []byte) []byte {
	const quotes = 2
	at, end := len(dst), len(dst)+len(s)+quotes
	if len(s) < 8 && cap(s) >= 8 && cap(dst)-at >= 16 {
		mask := uint64(1)<<(8*len(s)&63) - 1
		w := binary.LittleEndian.Uint64(s[:8]) & mask
		if marks(w|ones*' '&^mask)&highs == 0 {
			binary.LittleEndian.PutUint64(dst[at:at+8], w<<8|'"')
			dst = dst[:end]
			dst[end-1] = '"'
			return dst
		}
	}
	dst = slices.Grow(dst, len(s)+quotes)[:end]
	dst[at], dst[end-1] = '"', '"'
	if len(s) >= 8 && len(s) <= 16 {
		out := dst[at+1 : end]
		a, b := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[len(s)-8:])
		binary.LittleEndian.PutUint64(out, a)
		binary.LittleEndian.PutUint64(out[len(s)-8:], b)
		if (marks(a)|marks(b))&highs == 0 {
			return dst
		}
	}
	if n := copyClean(dst[at+1:], s); n < len(s) {
		return appendEscaped(dst[:at+1+n], s[n:])
	}
	return dst
}

// copyClean copies s to out up to the first byte that JSON wants escaped or that is not ASCII, and
// returns the number of bytes before it. out is at least as long as s; its content behind those
// bytes is undefined.
func copyClean(out, s []byte) int {
	if len(s) < 8 {
		return copyShort(out, s)
	}
	out = out[:len(s)]
	i := 0
	for ; i < len(s)-15; i += 16 {
		from, to := s[i:i+16], out[i:i+16]
		a, b := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[8:])
		binary.LittleEndian.PutUint64(to, a)
		binary.LittleEndian.PutUint64(to[8:], b)
		if (marks(a)|marks(b))&highs != 0 {
			break
		}
	}
	for ; i < len(s)-7; i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		binary.LittleEndian.PutUint64(out[i:i+8], w)
		if found := marks(w) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	// The last eight bytes, some of them a second time.
	i = len(s) - 8
	w := binary.LittleEndian.Uint64(s[i:])
	binary.LittleEndian.PutUint64(out[i:], w)
	if found := marks(w) & highs; found != 0 {
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
		if marks(uint64(head)|uint64(tail)<<32)&highs == 0 {
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

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// marks sets the high bit of the first of w's eight bytes that is a quote, a backslash or no
// printable ASCII, and none if there is no such byte. Only the lowest mark is exact. The terms are
// "has a byte less than n" and "has a zero byte" of Bit Twiddling Hacks. One term finds the quote
// together with the controls: it moves the quote to 0x20 and leaves the other printable characters
// above.
func marks(w uint64) uint64 {
	const quoteToSpace = '"' ^ ' '
	return w | ((w ^ ones*quoteToSpace) - ones*(' '+1)) | ((w ^ ones*'\\') - ones)
}

// appendEscaped appends s and the closing quote. s starts with a byte to escape in JSON, or with
// one outside of ASCII.
func appendEscaped(dst, s []byte) []byte {
	for len(s) > 0 {
		dst = slices.Grow(dst, len(s)+escapedRoom)
		at, n := escape(dst[:cap(dst)], len(dst), s)
		dst, s = dst[:at], s[n:]
	}
	return append(dst, '"')
}

// escape writes s to out, from at on, or the first escapedStretch bytes of it and a few more. It
// returns the end in both. It writes whole words, however few of their bytes count, so that no
// character needs a branch.
func escape(out []byte, at int, s []byte) (end, taken int) {
	i, stretch := 0, min(len(s), escapedStretch)
	for i < stretch {
		if s[i] >= utf8.RuneSelf {
			at, i = putRunes(out, at, s, i)
			continue
		}
		if len(s)-i < 8 {
			at, i = putByte(out, at, s[i]), i+1
			continue
		}
		// Each mark in turn becomes that of the word's first byte, and is removed.
		w, left := binary.LittleEndian.Uint64(s[i:i+8]), 8
		m := exactMarks(w)
		for m != 0 {
			binary.LittleEndian.PutUint64(out[at:at+8], w)
			k := bits.TrailingZeros64(m) / 8
			at, left = at+k, left-k
			w >>= 8 * k & 63
			m >>= 8 * k & 63
			c := byte(w)
			if c >= utf8.RuneSelf {
				break
			}
			binary.LittleEndian.PutUint64(out[at:at+8], escapes[c])
			at, left = at+int(escapes[c]>>escapeLength), left-1
			w, m = w>>8, m>>8
		}
		if m == 0 {
			binary.LittleEndian.PutUint64(out[at:at+8], w)
			at, left = at+left, 0
		}
		i += 8 - left
	}
	return at, i
}

// putByte writes an ASCII character.
func putByte(out []byte, at int, c byte) (end int) {
	e := escapes[c]
	if e == 0 {
		e = 1<<escapeLength | uint64(c)
	}
	binary.LittleEndian.PutUint64(out[at:at+8], e)
	return at + int(e>>escapeLength)
}

// putRunes writes the characters from s[i] on that are not ASCII, up to the first escapedStretch
// bytes of s.
func putRunes(out []byte, at int, s []byte, i int) (end, next int) {
	stretch := min(len(s), escapedStretch)
	for i < stretch && s[i] >= utf8.RuneSelf {
		if len(s)-i >= 4 {
			r := binary.LittleEndian.Uint32(s[i : i+4])
			if size := usualRune(r); size > 0 {
				binary.LittleEndian.PutUint32(out[at:at+4], r)
				at, i = at+size, i+size
				continue
			}
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			at += copy(out[at:], "\uFFFD")
		} else {
			at += copy(out[at:], s[i:i+n])
		}
		i += n
	}
	return at, i
}

// usualRune returns the length of the character in r's lowest bytes if it has two bytes, or three
// of which the first is neither 0xe0 nor 0xed, which don't allow all second bytes; 0 for any other.
func usualRune(r uint32) (size int) {
	first := byte(r)
	if r&0xc0e0 == 0x80c0 && first >= 0xc2 {
		return 2
	}
	if r&0xc0c0f0 == 0x8080e0 && first != 0xe0 && first != 0xed {
		return 3
	}
	return 0
}

// exactMarks marks all the bytes that marks looks for, and no others.
func exactMarks(w uint64) uint64 {
	const quoteToSpace = '"' ^ ' '
	printable := ((w ^ ones*quoteToSpace) | highs) - ones*(' '+1)
	noSlash := ((w ^ ones*'\\') | highs) - ones
	return (w | ^(printable & noSlash)) & highs
}

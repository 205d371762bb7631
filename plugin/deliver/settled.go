package deliver

import "encoding/binary"

// Settled remembers which events of a chunk need nothing more, by position.
// The zero value is a chunk of which nothing is settled.
type Settled struct{ words []uint64 }

// Has reports whether the event at position is settled.
func (s *Settled) Has(position int) bool {
	word := position >> 6
	return word < len(s.words) && s.words[word]&(1<<(position&63)) != 0
}

// Set marks the event at position as settled.
func (s *Settled) Set(position int) {
	for position>>6 >= len(s.words) {
		s.words = append(s.words, 0)
	}
	s.words[position>>6] |= 1 << (position & 63)
}

// Reset forgets all and keeps the memory.
func (s *Settled) Reset() { s.words = s.words[:0] }

// Any reports whether anything is settled.
func (s *Settled) Any() bool { return len(s.words) > 0 }

// AppendBytes appends the bits, eight a byte, the first event's in the lowest
// bit of the first byte.
func (s *Settled) AppendBytes(dst []byte) []byte {
	for _, word := range s.words {
		dst = binary.LittleEndian.AppendUint64(dst, word)
	}
	return dst
}

// Load replaces the bits by those that AppendBytes wrote. Of a rest of less
// than eight bytes nothing counts as settled.
func (s *Settled) Load(b []byte) {
	s.Reset()
	for ; len(b) >= 8; b = b[8:] {
		s.words = append(s.words, binary.LittleEndian.Uint64(b))
	}
}

package document

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Events of one source have the same keys in the same order. The table of known
// keys remembers which key came behind which others, and its JSON: a key that
// is found there is none that Elasticsearch refuses, and no duplicate, so that
// nothing but a comparison is left to be done.
//
// A path stands for a sequence of keys, from an object's first: it is a hash of
// 64 bits, with a seed of the writer's own, of all their texts. That two
// sequences share a path is as likely as that a disk flips a bit unseen; the
// worst that could come of it is one duplicate that Elasticsearch refuses.
const (
	unused     = iota // no path: that of an entry without a key
	noPath            // behind a duplicate: nothing is known
	topPath           // the record's own map, empty so far
	nestedPath        // any other map, empty so far
)

// A writer keeps 256 keys of at most knownBytes each, and as much of JSON: 100 KB
// at the most, typically 50.
const (
	knownBits  = 6
	knownWays  = 4
	knownBytes = 64
)

// known is a key in its place. What a hit needs lies together.
type known struct {
	before uint64 // path, or unused
	ends   ends
	// short begins with text, as far as it goes.
	short   [shortText]byte
	after   uint64 // path
	size    int32  // of the key's msgpack
	length  int32  // of text
	tag     uint16 // of the hash of the key's JSON
	spare   uint8  // bits of ends.head that are not the key's
	fields  uint8  // bits of the added fields that it stands for
	why     Change
	special bool // it has fields, or is changed
	used    bool
	// next is the number of the key that came behind this one last time, inner
	// that of the first key of its value: guesses, that are tried first.
	next, inner uint8
	text        []byte // as in the document, from the comma or bracket before it to its colon
	source      []byte // the key's msgpack
}

// shortText is the length of most texts, and moved faster than counted.
const shortText = 32

// ends are the first eight bytes of a key's msgpack, the eight behind them, and
// the last eight. A key of up to 24 bytes is all in them.
type ends struct{ head, middle, tail uint64 }

type knownTable struct {
	keys [knownWays << knownBits]known // each knownWays of them are a row
	seed maphash.Seed
	// met are the paths behind keys that were met once: only what is met
	// again is remembered.
	met met
}

// find returns the key at the start of b, where it is known to come behind
// path, and nil else. guess becomes the number of the one that is found.
func (t *knownTable) find(b []byte, path uint64, guess *uint8) *known {
	_, end := textBounds(b)
	if end == 0 || len(b) < 8 || path == noPath {
		return nil
	}
	e := endsOf(b, end)
	row := rowOf(path, e)
	for i := range knownWays {
		k := &t.keys[row+i]
		if k.is(path, e, b, end) {
			*guess = uint8(row + i)
			return k
		}
	}
	return nil
}

// is says whether k is the key b[:end], with these ends, behind path.
func (k *known) is(path uint64, e ends, b []byte, end int) bool {
	return k.before == path && k.ends.head == e.head && k.ends.tail == e.tail && k.ends.middle == e.middle && int(k.size) == end &&
		(end <= 24 || string(k.source) == string(b[:end]))
}

// starts says whether the key is at the start of b, and its text in short. The
// first bytes of a key's msgpack tell how long it is: where all of k is there,
// it is the key. This is the quick look at the key that is expected.
func (k *known) starts(b *[knownBytes]byte) bool {
	return binary.LittleEndian.Uint64(b[:])<<(k.spare&63) == k.ends.head && (k.size <= 8 || k.goesOn(b))
}

func (k *known) goesOn(b *[knownBytes]byte) bool {
	return k.length <= shortText && string(b[8:k.size]) == string(k.source[8:])
}

// endsOf returns the ends of b[:end]. b has eight bytes at least.
func endsOf(b []byte, end int) (e ends) {
	e.head = binary.LittleEndian.Uint64(b)
	if end <= 8 {
		e.head <<= (64 - 8*end) & 63
		return e
	}
	e.tail = binary.LittleEndian.Uint64(b[end-8:])
	if end > 16 {
		e.middle = binary.LittleEndian.Uint64(b[8:])
	}
	return e
}

// rowOf is the number of the first key of the row that a key stands in. The constants are odd and have
// their bits all over, which is all they need.
func rowOf(path uint64, e ends) int {
	h := e.head ^ bits.RotateLeft64(e.tail, 29) ^ path*0x9e3779b97f4a7c15
	return int(h*0xd6e8feb86659fd93>>(64-knownBits)) * knownWays
}

// learn remembers that the key k, whose msgpack is source and whose JSON is
// text, with this hash, comes behind k.before without being a duplicate, and returns the path
// behind it. What is in use makes room the second time it is asked to.
func (t *knownTable) learn(k known, hash uint64, source, text []byte) uint64 {
	if k.before == noPath {
		return noPath
	}
	k.after = max((bits.RotateLeft64(k.before, 5)^hash)*0x9e3779b97f4a7c15, nestedPath+1)
	_, end := textBounds(source)
	if !t.met.again(k.after) || end == 0 || max(len(source), len(text)) > knownBytes || end <= 8 && len(text) > shortText {
		return k.after // the last are few characters, escaped
	}
	var padded [8]byte
	first := source
	if len(source) < len(padded) {
		copy(padded[:], source)
		first = padded[:]
	}
	k.ends = endsOf(first, end)
	if old := t.victim(rowOf(k.before, k.ends)); old != nil {
		k.size, k.length, k.spare = int32(end), int32(len(text)), uint8(max(0, 64-8*end))
		k.special = k.fields != 0 || k.why != unchanged
		copy(k.short[:], text)
		k.source, k.text = append(old.source[:0], source...), append(old.text[:0], text...)
		*old = k
	}
	return k.after
}

// victim returns the entry of a row that is to be overwritten. Where all were
// in use since it was asked last there is none, this time.
func (t *knownTable) victim(row int) *known {
	entries := t.keys[row : row+knownWays]
	for i := range entries {
		if entries[i].before == unused {
			return &entries[i]
		}
	}
	for i := range entries {
		if !entries[i].used {
			return &entries[i]
		}
	}
	for i := range entries {
		entries[i].used = false
	}
	return nil
}

package document

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Events of one source have the same keys in the same order. The table of known keys remembers the
// successor of each sequence of keys, and its JSON. A key from the table is accepted by
// Elasticsearch, and no duplicate, so that a comparison is enough.
//
// A path identifies a sequence of keys, from an object's first: a 64-bit hash of all their texts,
// with a random seed for each writer. A collision is as likely as an undetected bit flip on a disk;
// its worst effect is a duplicate key, which Elasticsearch rejects.
const (
	unused     = iota // no path: for an entry without a key
	noPath            // behind a duplicate: the path is unknown
	topPath           // the record's own map, empty so far
	nestedPath        // any other map, empty so far
)

// A writer keeps 256 keys of at most maxCachedKey each, and as much JSON: at most 100 KB, typically
// 50.
const (
	cacheBits    = 6
	cacheWays    = 4
	maxCachedKey = 64
)

// cachedKey is a key behind a path. The fields that a hit needs are next to each other.
type cachedKey struct {
	before uint64 // path, or unused
	ends   ends
	// short holds the beginning of text.
	short   [shortText]byte
	after   uint64 // path
	size    int32  // of the key's msgpack
	length  int32  // of text
	tag     uint16 // of the hash of the key's JSON
	spare   uint8  // bits of ends.head that belong to the bytes behind the key
	fields  uint8  // bits of the added fields that have this key
	why     Change
	special bool // it has fields, or is changed
	used    bool
	// next is the number of the key that followed this one last time, inner that of the first key
	// of its value: guesses, tried first.
	next, inner uint8
	text        []byte // as in the document, from the comma or bracket before it to its colon
	source      []byte // the key's msgpack
}

// shortText is longer than most texts. Copying this constant number of bytes is faster than copying
// the exact number.
const shortText = 32

// ends are the first eight bytes of a key's msgpack, the next eight, and the last eight. They
// include all of a key of up to 24 bytes.
type ends struct{ head, middle, tail uint64 }

type keyCache struct {
	keys [cacheWays << cacheBits]cachedKey // each cacheWays of them are a row
	seed maphash.Seed
	// seenOnce are the paths behind keys seen once: a key is remembered at the second time.
	seenOnce seenHashes
}

// find returns the entry of the key at the start of b behind path, nil for none. It sets guess to
// the entry's number.
func (t *keyCache) find(b []byte, path uint64, guess *uint8) *cachedKey {
	_, end := textBounds(b)
	if end == 0 || len(b) < 8 || path == noPath {
		return nil
	}
	e := endsOf(b, end)
	row := rowOf(path, e)
	for i := range cacheWays {
		k := &t.keys[row+i]
		if k.matches(path, e, b, end) {
			*guess = uint8(row + i)
			return k
		}
	}
	return nil
}

// matches reports whether k is the key b[:end], with these ends, behind path.
func (k *cachedKey) matches(path uint64, e ends, b []byte, end int) bool {
	return k.before == path && k.ends.head == e.head && k.ends.tail == e.tail && k.ends.middle == e.middle && int(k.size) == end &&
		(end <= 24 || string(k.source) == string(b[:end]))
}

// startsWith reports whether the key is at the start of b and its text is in short. The first bytes
// of a key's msgpack encode its length, so equal bytes are an equal key. This is the quick check of
// the expected key.
func (k *cachedKey) startsWith(b *[maxCachedKey]byte) bool {
	return binary.LittleEndian.Uint64(b[:])<<(k.spare&63) == k.ends.head && (k.size <= 8 || k.restMatches(b))
}

func (k *cachedKey) restMatches(b *[maxCachedKey]byte) bool {
	return k.length <= shortText && string(b[8:k.size]) == string(k.source[8:])
}

// endsOf returns the ends of b[:end]. b has at least eight bytes.
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

// rowOf returns the number of the first key of a key's row. The constants are odd and have bits all
// over; nothing else is needed of them.
func rowOf(path uint64, e ends) int {
	h := e.head ^ bits.RotateLeft64(e.tail, 29) ^ path*0x9e3779b97f4a7c15
	return int(h*0xd6e8feb86659fd93>>(64-cacheBits)) * cacheWays
}

// learn remembers that the key k, with this msgpack source, JSON text and hash, follows k.before
// without being a duplicate, and returns the path behind it. An entry in use is only overwritten at
// the second request.
func (t *keyCache) learn(k cachedKey, hash uint64, source, text []byte) uint64 {
	if k.before == noPath {
		return noPath
	}
	k.after = max((bits.RotateLeft64(k.before, 5)^hash)*0x9e3779b97f4a7c15, nestedPath+1)
	_, end := textBounds(source)
	if !t.seenOnce.seen(k.after) || end == 0 || max(len(source), len(text)) > maxCachedKey || end <= 8 && len(text) > shortText {
		return k.after // the rest are few characters, escaped
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

// victim returns the entry of a row to overwrite, or nil this time if all were used since its last
// call.
func (t *keyCache) victim(row int) *cachedKey {
	entries := t.keys[row : row+cacheWays]
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

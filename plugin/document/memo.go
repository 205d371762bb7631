package document

import (
	"hash/maphash"

	"out_es/plugin/chunk"
)

// memo is a map or an array of an earlier record, and its JSON. The kubernetes filter adds the same
// map to every line of a pod, and it is most of the event: comparing it takes a tenth of the time
// of writing it again.
type memo struct {
	source, text []byte // in memos.bytes; nil for none
	start        int    // of source in memos.bytes
	// places are the requested values in it, for the path branch.
	branch *chunk.Branch
	places []place
}

// A writer keeps up to memoCount values, together memoBytes with their JSON, and overwrites the
// oldest. A value larger than a quarter of that would displace all others.
const (
	memoBytes  = 64 << 10
	memoLimit  = memoBytes / 4
	memoCount  = 32
	memoBegins = 64 // bytes that are hashed to find a value
	memoPlaces = 4  // positions of fields whose last value is tried first
)

type memos struct {
	bytes []byte // grows up to memoBytes, then is overwritten from its start
	head  int    // offset of the next value
	// values are a queue, the oldest first.
	values       [memoCount]memo
	hashes       [memoCount]uint64 // of their beginnings
	first, count int
	recent       [2 * memoPlaces]*memo // by position: those of records, then those of groups
	seenOnce     seenHashes
}

// matches reports whether b starts with the value and its JSON holds for branch. A msgpack value
// encodes its own end: equal bytes are an equal value, whatever follows.
func (m *memo) matches(b []byte, branch *chunk.Branch) bool {
	n := len(m.source)
	return n > 0 && (branch == nil || branch == m.branch) && n <= len(b) && string(b[:n]) == string(m.source)
}

// find returns the memo of the value at the start of b, nil for none.
func (ms *memos) find(seed maphash.Seed, b []byte, branch *chunk.Branch, position int) *memo {
	if m := ms.recent[position]; m != nil && m.matches(b, branch) {
		return m
	}
	if len(b) < memoBegins {
		return nil
	}
	hash := maphash.Bytes(seed, b[:memoBegins])
	return ms.findByHash(hash, b, branch, position)
}

func (ms *memos) findByHash(hash uint64, b []byte, branch *chunk.Branch, position int) *memo {
	for i, h := range &ms.hashes {
		if h == hash && ms.values[i].matches(b, branch) {
			ms.recent[position] = &ms.values[i]
			return &ms.values[i]
		}
	}
	return nil
}

// keep copies a value and its JSON, and returns the memo. It returns nil for a value that is seen
// for the first time or is too large.
func (ms *memos) keep(hash uint64, source, text []byte, position int) *memo {
	n := len(source) + len(text)
	if n > memoLimit {
		return nil
	}
	if !ms.seenOnce.seen(hash) {
		return nil
	}
	at := ms.makeRoom(n)
	i := (ms.first + ms.count) % memoCount
	ms.count++
	m := &ms.values[i]
	ms.recent[position] = m
	ms.hashes[i], m.start = hash, at
	m.source, m.text = ms.bytes[at:at+len(source):at+len(source)], ms.bytes[at+len(source):at+n:at+n]
	copy(m.source, source)
	copy(m.text, text)
	return m
}

// makeRoom makes room for one more value, of n bytes, and returns its offset.
func (ms *memos) makeRoom(n int) (at int) {
	if ms.count == memoCount {
		ms.forget()
	}
	if ms.head+n > len(ms.bytes) {
		if len(ms.bytes) < memoBytes {
			ms.bytes = make([]byte, min(memoBytes, max(2*len(ms.bytes), 4*n)))
			ms.head = 0 // of an array without values
		}
		for ms.count > 0 && ms.values[ms.first].start >= ms.head {
			ms.forget()
		}
		ms.head = 0
	}
	at = ms.head
	ms.head += n
	for ms.count > 0 && ms.values[ms.first].start >= at && ms.values[ms.first].start < ms.head {
		ms.forget()
	}
	return at
}

// forget drops the oldest value.
func (ms *memos) forget() {
	ms.values[ms.first].source = nil
	ms.first = (ms.first + 1) % memoCount
	ms.count--
}

// remember appends the map or the array at the start of b, whose path is branch, from its memo if
// there is one.
//
// Possible errors: chunk.ErrTruncated.
func (w *Writer) remember(position int, dst, b []byte, branch *chunk.Branch) (out, rest []byte, err error) {
	if m := w.memos.find(w.keys.seed, b, branch, position); m != nil {
		if branch != nil {
			m.recall(branch, w.values, b)
		}
		return append(dst, m.text...), b[len(m.source):], nil
	}
	cut, changed := w.truncated, w.changed
	if branch == nil {
		out, rest, err = w.value(dst, b, topDepth)
	} else {
		out, rest, err = w.capture(dst, b, topDepth, branch)
	}
	if err == nil && w.truncated == cut && w.changed == changed { // changes must be counted every time
		source := b[:len(b)-len(rest)]
		hash := maphash.Bytes(w.keys.seed, source[:min(memoBegins, len(source))])
		if len(source) < memoBegins && w.memos.findByHash(hash, source, branch, position) != nil {
			return out, rest, nil // too short for a memo, other than as the last value of its position
		}
		if m := w.memos.keep(hash, source, out[len(dst):], position); m != nil {
			m.note(branch, w.values, b)
		}
	}
	return out, rest, err
}

// holdsValues reports whether a map or an array starts b.
func holdsValues(b []byte) bool {
	return len(b) > 0 && (b[0]&0xe0 == 0x80 || b[0] >= 0xdc && b[0] <= 0xdf)
}

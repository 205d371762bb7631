package source

import (
	"bytes"
	"sort"
)

// indexNames remembers which index each event went to, as runs of equal names.
type indexNames struct {
	runs []run
	text []byte
}

type run struct{ position, start, end int32 }

// maxKeptNames is the maximum length of text that is kept for the next chunk. Longer texts come
// from a chunk whose events alternate between indices, and go back to the collector.
const maxKeptNames = 64 << 10

func (n *indexNames) reset() {
	if cap(n.text) > maxKeptNames {
		*n = indexNames{}
	}
	n.runs, n.text = n.runs[:0], n.text[:0]
}

// add notes the quoted name of the event at position. Positions come in order,
// and may come again.
func (n *indexNames) add(position int, quoted []byte) {
	if last := len(n.runs) - 1; last >= 0 {
		r := n.runs[last]
		if position < int(r.position) || bytes.Equal(n.text[r.start:r.end], quoted) {
			return
		}
	}
	start := int32(len(n.text))
	n.text = append(n.text, quoted...)
	n.runs = append(n.runs, run{int32(position), start, int32(len(n.text))})
}

// of is the name for the event at position, without quotes.
func (n *indexNames) of(position int) string { return string(n.bytes(position)) }

// bytes is of without a copy: the slice is valid until the next add.
func (n *indexNames) bytes(position int) []byte {
	i := sort.Search(len(n.runs), func(i int) bool { return int(n.runs[i].position) > position })
	if i == 0 {
		return nil
	}
	r := n.runs[i-1]
	return bytes.Trim(n.text[r.start:r.end], `"`)
}

package document

// met remembers the last 64-bit hashes that it was asked about, by half of their bits: eight in
// each of 64 rows, so that hashes that alternate don't displace each other.
type met [metRows][metWays]uint32

const (
	metRows = 64
	metWays = 8
)

// again reports whether hash was seen before, and remembers it.
func (m *met) again(hash uint64) bool {
	row, short := &m[hash>>58], uint32(hash)
	for _, old := range row {
		if old == short {
			return true
		}
	}
	copy(row[1:], row[:])
	row[0] = short
	return false
}

package document

// met remembers the last 64-bit hashes that it was asked about, by half of their
// bits: eight in each of 64 rows, so that those that come in turn don't drive one
// another out, as they would with one place for each.
type met [metRows][metWays]uint32

const (
	metRows = 64
	metWays = 8
)

// again says whether hash was met, and notes it where it wasn't.
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

package document

// seenHashes remembers the last 64-bit hashes that it was asked about, by half of their bits. There
// are eight in each of 64 rows, so that alternating hashes don't displace each other.
type seenHashes [seenRows][seenWays]uint32

const (
	seenRows = 64
	seenWays = 8
)

// seen reports whether hash was seen before, and remembers it.
func (m *seenHashes) seen(hash uint64) bool {
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

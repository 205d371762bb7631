package document

import "testing"

// Hashes that alternate, like keys of one record and pods of one chunk, are all found the second
// time, whatever the seed: with one slot for each, two that share a slot would never be.
func TestAlternatingHashesAreSeenAgain(t *testing.T) {
	var m seenHashes
	const row = uint64(5) << 58 // all in one row
	for round := range 2 {
		for i := range uint64(seenWays) {
			if again := m.seen(row + i + 1); again != (round == 1) {
				t.Errorf("round %d, hash %d: %v", round, i, again)
			}
		}
	}
	for i := range uint64(1000) { // hashes that come once displace no other row
		m.seen(uint64(6)<<58 + i + 1)
	}
	if !m.seen(row + 1) {
		t.Error("forgotten")
	}
}

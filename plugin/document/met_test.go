package document

import "testing"

// Hashes that come in turn, as keys of one record do and pods of one chunk, are
// all met the second time, whatever the seed: with one place for each, two that
// share it would never be.
func TestWhatComesInTurnIsMetAgain(t *testing.T) {
	var m met
	const row = uint64(5) << 58 // all in one row
	for round := range 2 {
		for i := range uint64(metWays) {
			if again := m.again(row + i + 1); again != (round == 1) {
				t.Errorf("round %d, hash %d: %v", round, i, again)
			}
		}
	}
	for i := range uint64(1000) { // what comes once drives out no other row
		m.again(uint64(6)<<58 + i + 1)
	}
	if !m.again(row + 1) {
		t.Error("forgotten")
	}
}

package main

import (
	"math/rand/v2"
	"time"
)

// random draws the same numbers for the same seeds on every machine and Go version: PCG's algorithm
// is specified.
type random struct{ *rand.Rand }

func newRandom(seed, stream uint64) random {
	return random{rand.New(rand.NewPCG(seed, stream))}
}

// text draws n characters of an alphabet.
func (r random) text(alphabet string, n int) string {
	chars := make([]byte, n)
	for i := range chars {
		chars[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(chars)
}

const hexDigits = "0123456789abcdef"

// between draws from low to high, both included.
func (r random) between(low, high int) int { return low + r.IntN(high-low+1) }

// percent reports whether a case with this chance happens.
func (r random) percent(chance int) bool { return r.IntN(100) < chance }

// step draws a wait between two events: mean on average, never zero, mostly shorter.
func (r random) step(mean time.Duration) time.Duration {
	return 1 + time.Duration(r.Float64()*r.Float64()*4*float64(mean))
}

// pick draws one of them.
func pick[T any](r random, of []T) T { return of[r.IntN(len(of))] }

package support

import (
	"testing"
	"time"
)

// Eventually checks again at once at first, for a condition in this process, and ever more seldom,
// since others cost a request.
const (
	firstPause   = time.Millisecond
	longestPause = 100 * time.Millisecond
)

// Eventually waits until a condition holds. It fails the test if that takes longer than patience,
// with the condition's description in the message.
func Eventually(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for look := firstPause; !holds(); look = min(2*look, longestPause) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
		time.Sleep(look)
	}
}

// countPatience is how long AwaitCount waits for a count to grow.
const countPatience = time.Minute

// AwaitCount waits until a count is at least want, and returns it. How long that takes is the
// machine's matter, so it gives up, with what is there, only if the count stops growing.
func AwaitCount(want int, count func() int) int {
	for most, grew := -1, time.Now(); ; time.Sleep(longestPause) {
		n := count()
		if n > most {
			most, grew = n, time.Now()
		}
		if n >= want || time.Since(grew) > countPatience {
			return n
		}
	}
}

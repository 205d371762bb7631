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

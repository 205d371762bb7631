package support

import (
	"testing"
	"time"
)

// Eventually looks again at once at first, which a condition in this process wants, and ever more seldom, since others cost
// a request.
const (
	firstLook   = time.Millisecond
	longestLook = 100 * time.Millisecond
)

// Eventually waits until a condition holds. It fails the test where that takes longer than patience: what names the
// condition in the message.
func Eventually(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for look := firstLook; !holds(); look = min(2*look, longestLook) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
		time.Sleep(look)
	}
}

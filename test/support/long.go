package support

import "testing"

// LongForm skips a test in "make test", which is "go test -short": one that takes many seconds by
// its nature (an outage has its length), or measures, so that other load disturbs it. "make
// test-all" runs it.
func LongForm(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long forms and measurements: make test-all runs them")
	}
}

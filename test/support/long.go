package support

import "testing"

// LongForm skips a test in "make test", which is "go test -short": one that takes more than some
// seconds by its nature (an outage has its length), or measures what another program's load
// disturbs. "make test-all" runs it.
func LongForm(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long forms and measurements: make test-all runs them")
	}
}

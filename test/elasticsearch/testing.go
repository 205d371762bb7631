package elasticsearch

import (
	"errors"
	"testing"
)

// ForTest returns a server for one test: the one ES_URL names, else one of its own, which is
// stopped when the test ends. A machine without the tools skips the test with installation
// instructions; any other error fails it.
func ForTest(t testing.TB, options Options) *Server {
	t.Helper()
	server, err := Use(t.Context(), options)
	var missing *MissingToolError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of Elasticsearch's log:\n%s", server.LogTail(20))
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

package security

import (
	"strings"
	"testing"

	es "out_es/plugin"
	"out_es/test/e2e"
)

// TestRoleForOneIndexHoldsTheOther: a chunk's records go to a destination that the role may write
// to and to one that it may not. The first arrive at once; the others are held, and arrive when the
// role is extended, without a restart. Each is there once.
func TestRoleForOneIndexHoldsTheOther(t *testing.T) {
	const records = 100
	s := e2e.Secured(t)
	for _, kind := range []string{"index", "data stream"} {
		for _, way := range []string{"direct", "spool"} {
			t.Run(kind+"/"+way, func(t *testing.T) {
				stream, spooled := kind == "data stream", way == "spool"
				allowed, role := writer(t, s)
				denied, options := allowed+"-denied", []string{"Index $to"}
				good, bad := allowed, denied
				if stream {
					good, bad = "logs-"+dataset(allowed)+"-default", "logs-"+dataset(denied)+"-default"
					s.StreamTemplate(t, "streams", "logs-*-*")
					options = []string{"Data_Stream on", "Data_Stream_Dataset $to"}
				}
				role.Indices = []string{good}
				user := strings.ReplaceAll("one-index-"+kind+"-"+way, " ", "-")
				s.PutRole(t, user, role)
				s.PutUser(t, user, firstPassword, user)
				server := counting(t, s)
				options = append(options, "Hosts "+server.URL, "HTTP_User "+user, "HTTP_Passwd "+firstPassword, "Generate_ID on",
					"Retry_Initial 200ms", "Retry_Max 2s", e2e.SlowServer)
				if spooled {
					options = append(options, "Spool_Path "+t.TempDir(), "Spool_Linger 10ms")
				}
				i := e2e.NewInstance(t, options...)
				t.Cleanup(i.Close)
				to := [2]string{good, bad}
				if stream {
					to = [2]string{dataset(allowed), dataset(denied)}
				}
				chunk := e2e.ChunkWith(t, records, func(n int, record string) string {
					return record[:len(record)-1] + `,"to":"` + to[n%2] + `"}`
				})
				want := es.Retry
				if spooled {
					want = es.OK
				}
				if got := i.Flush("app", chunk); got != want {
					t.Errorf("the flush answered %v, want %v", got, want)
				}
				e2e.EventuallyCount(t, s.Server, good, records/2)
				e2e.AtMost(t, "requests", int(server.requests.Load()), 20) // one for the chunk, then probes
				role.Indices = []string{good, bad}
				s.PutRole(t, user, role)
				if !spooled {
					i.MustDeliver(t, chunk)
				}
				e2e.EventuallyCount(t, s.Server, bad, records/2)
				i.Close() // its last lines come with it
				e2e.WantRecords(t, s.Server, good+","+bad, records)
				for _, line := range [][]string{
					{bad + " is held: status 403, security_exception", bad, user, "docs/security.md"}, {bad + " accepts documents again"},
				} {
					if n := i.Count(line...); n != 1 {
						t.Errorf("%d lines have %q, want 1", n, line)
					}
				}
				if n := i.Count("were rejected"); n != 0 {
					t.Errorf("%d lines of refused documents", n)
				}
			})
		}
	}
}

package security

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/host"

	"out_es/test/support"
)

// wrongFor is how long a credential is wrong, and mostUnauthorized the requests that this may cost,
// whatever the number of chunks. There is one at once, then one each time the gate opens: every 2.5
// s on average with Retry_Max 5s.
const (
	wrongFor         = 30 * time.Second
	mostUnauthorized = 30
)

// countingProxy stands before a server and counts bulk requests, and those of them that are
// answered 401.
type countingProxy struct {
	URL                    string
	requests, unauthorized atomic.Int64
}

func counting(t *testing.T, s *e2e.SecuredServer) *countingProxy {
	t.Helper()
	target, err := url.Parse(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Authority.PEM())
	c := &countingProxy{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "_bulk") {
			c.requests.Add(1)
			if r.StatusCode == http.StatusUnauthorized {
				c.unauthorized.Add(1)
			}
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// writer is a role that writes to an index of this test alone.
func writer(t *testing.T, s *e2e.SecuredServer) (index string, role e2e.Role) {
	t.Helper()
	index = e2e.FreshIndex(t, s.Server)
	role = e2e.Role{Indices: []string{index + "*"}, Index: []string{"create_doc", "auto_configure"}}
	if s.IsOpenSearch() {
		role.Index = []string{"indices:data/write/*", "indices:admin/create", "indices:admin/mapping/put"}
	}
	return index, role
}

const firstPassword, otherPassword = "first-Password/17+x", "other-Password/18+y"

// dataset is a part of a data stream's name that holds no hyphen.
func dataset(index string) string { return strings.ReplaceAll(index, "-", ".") }

// changing is a credential that the server, or a file, makes wrong and right again.
type changing struct {
	setting     string // that the log has to name
	options     []string
	index       string
	wrong, back func()
}

// changedPassword is another one in the server, and then the first again.
func changedPassword(t *testing.T, s *e2e.SecuredServer) changing {
	index, role := writer(t, s)
	s.PutRole(t, "changed", role)
	s.PutUser(t, "changed", firstPassword, "changed")
	return changing{
		"HTTP_Passwd", []string{"HTTP_User changed", "HTTP_Passwd " + firstPassword}, index,
		func() { s.PutUser(t, "changed", otherPassword, "changed") }, func() { s.PutUser(t, "changed", firstPassword, "changed") },
	}
}

// rotatedToken is one that the server forgets, and then another in the same file.
func rotatedToken(t *testing.T, s *e2e.SecuredServer) changing {
	if s.IsOpenSearch() {
		t.Skip("OpenSearch's security has no tokens without an identity provider")
	}
	r := newRealm(t)
	write := func(name string) string { return r.file("token", []byte(s.Token(t, name))) }
	return changing{
		"Bearer_Token_File", []string{"Bearer_Token_File " + write("first")}, "logs-" + dataset(e2e.FreshIndex(t, s.Server)), // what the service account may write to
		func() { s.ForgetToken(t, "first") }, func() { write("second") },
	}
}

// expiredKey is an API key that expires, and then another in the same file.
func expiredKey(t *testing.T, s *e2e.SecuredServer) changing {
	index, role := writer(t, s)
	r := newRealm(t)
	_, key := s.APIKey(t, index, "10s", role)
	return changing{
		"HTTP_API_Key_File", []string{"HTTP_API_Key_File " + r.file("key", []byte(key))}, index,
		func() {
			support.Eventually(t, 30*time.Second, "the key has expired", func() bool { return !s.Knows(t, "ApiKey "+key) })
		},
		func() {
			_, key := s.APIKey(t, index, "1h", role)
			r.file("key", []byte(key+"\n"))
		},
	}
}

// TestCredentialThatIsWrongForAWhile: a credential is wrong for 30 s while chunks come, and then
// right, without a restart. All of them arrive once, few requests are spent on it, and the log
// names the setting.
func TestCredentialThatIsWrongForAWhile(t *testing.T) {
	support.LongForm(t)
	s := e2e.Secured(t)
	for name, begin := range map[string]func(*testing.T, *e2e.SecuredServer) changing{
		"password": changedPassword, "token file": rotatedToken, "API key file": expiredKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // nearly all of it is waiting
			c := begin(t, s)
			server := counting(t, s)
			i := e2e.NewInstance(t, append(c.options, "Hosts "+server.URL, "Index "+c.index, "Generate_ID on", "Retry_Initial 200ms", "Retry_Max 5s", e2e.SlowServer)...)
			defer i.Close()
			i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 0, 10))
			c.wrong()
			began := time.Now()
			pending := map[int][]byte{}
			for n := 1; n <= 20; n++ {
				pending[n] = e2e.ChunkOf(t, host.Nested, n*10, 10)
			}
			for time.Since(began) < wrongFor {
				for n, chunk := range pending {
					if got := i.Flush(fmt.Sprint("app.", n), chunk); got == es.OK {
						delete(pending, n) // a cache of the server's may know the old password for a moment
					} else if got == es.Error {
						t.Fatal("a chunk was given up")
					}
				}
				time.Sleep(50 * time.Millisecond)
			}
			if n := server.unauthorized.Load(); n == 0 || n > mostUnauthorized {
				t.Errorf("%d requests were answered 401 in %s, want 1 to %d", n, wrongFor, mostUnauthorized)
			} else {
				t.Logf("%d requests were answered 401 in %s, with %d chunks waiting", n, wrongFor, len(pending))
			}
			if n := i.Count("401", c.setting); n == 0 || n > 2 { // one at once, one a minute
				t.Errorf("%d lines name %s:\n%s", n, c.setting, i.Log.Tail(20))
			}
			c.back()
			for _, chunk := range pending {
				i.MustDeliver(t, chunk)
			}
			e2e.WantRecords(t, s.Server, c.index, 210)
		})
	}
}

// TestAPIKeyThatEnds: HTTP_API_Key is read at the start only, so a new key means a restart or a hot
// reload; waiting records arrive.
func TestAPIKeyThatEnds(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	id, key := s.APIKey(t, index, "", role)
	server := counting(t, s)
	options := []string{"Hosts " + server.URL, "Index " + index, "Generate_ID on", e2e.SlowServer}
	i := e2e.NewInstance(t, append(options, "HTTP_API_Key "+key)...)
	i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 0, 10))
	s.InvalidateKey(t, id)
	chunk := e2e.ChunkOf(t, host.Nested, 10, 10)
	if got := i.Flush("app", chunk); got != es.Retry {
		t.Errorf("with a key that ended the flush answered %v", got)
	}
	if server.unauthorized.Load() == 0 || i.Count("401", "HTTP_API_Key") == 0 {
		t.Errorf("%d requests were answered 401; the log:\n%s", server.unauthorized.Load(), i.Log.Tail(20))
	}
	i.Close()
	_, key = s.APIKey(t, index, "1h", role)
	again := e2e.NewInstance(t, append(options, "HTTP_API_Key "+key)...)
	defer again.Close()
	again.MustDeliver(t, chunk)
	e2e.WantRecords(t, s.Server, index, 20)
}

// TestKeyThatMayOnlyWrite: the startup check and a template are refused, and documents arrive all
// the same.
func TestKeyThatMayOnlyWrite(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	options, _ := keyOf(t, s, "only-writes", role)
	r := newRealm(t)
	file := r.file("template.json", []byte(`{"index_patterns":["`+index+`-x"]}`))
	i := e2e.NewInstance(t, append(options, "Index "+index, "Template_Name "+index, "Template_File "+file)...)
	defer i.Close()
	for n := range 3 {
		i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, n*10, 10))
	}
	e2e.WantRecords(t, s.Server, index, 30)
	support.Eventually(t, 10*time.Second, "the startup check is logged", func() bool { return i.Count("[ info]", "startup check: ", " answers") == 1 })
	if n := i.Count("was not installed", "403", "manage_index_templates"); n != 1 {
		t.Errorf("%d lines say that the template was not installed:\n%s", n, i.Log)
	}
}

// TestFingerprintOfTheServersOwnCertificate: CA fingerprint, as Elasticsearch prints it, is enough
// to trust the server itself.
func TestFingerprintOfTheServersOwnCertificate(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	s.PutRole(t, "fingerprint", role)
	s.PutUser(t, "fingerprint", firstPassword, "fingerprint")
	sign := []string{"Hosts " + s.Address(), "HTTP_User fingerprint", "HTTP_Passwd " + firstPassword, "Index " + index, e2e.SlowServer}
	i := e2e.NewInstance(t, append(sign, "TLS_CA_Fingerprint "+s.Authority.Fingerprint())...)
	defer i.Close()
	i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 0, 10))
	other := e2e.NewInstance(t, append(sign, "TLS_CA_Fingerprint "+strings.Repeat("0", 64))...)
	defer other.Close()
	if got := other.Flush("app", e2e.ChunkOf(t, host.Nested, 10, 10)); got != es.Retry {
		t.Errorf("with another fingerprint the flush answered %v", got)
	}
	e2e.WantRecords(t, s.Server, index, 10)
}

// TestDeniedIndexNamesItself: the reason that a server with security gives for an item is whole in
// the log.
func TestDeniedIndexNamesItself(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	s.PutRole(t, "denied", role)
	s.PutUser(t, "denied", firstPassword, "denied")
	i := e2e.NewInstance(t, append(s.SignIn("denied", firstPassword), "Index denied-"+index)...)
	defer i.Close()
	if got := i.Flush("app", e2e.ChunkOf(t, host.Nested, 0, 10)); got != es.Retry {
		t.Errorf("the flush answered %v", got)
	}
	if i.Count("security_exception", "[indices:data/write/bulk[s]]") == 0 && i.Count("security_exception", "[indices:admin/") == 0 {
		t.Errorf("no line names the action:\n%s", i.Log.Tail(20))
	}
}

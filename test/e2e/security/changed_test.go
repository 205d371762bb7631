package security

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/host"

	"out_es/test/support"
)

// wrongFor is how long a credential is wrong, and mostUnauthorized the requests that this may cost: one at once, then one when the
// gate opens. With Retry_Max 2s that is no more than one a second.
const (
	wrongFor         = 10 * time.Second
	mostUnauthorized = 20
)

// counting is a proxy that counts bulk requests by status.
func counting(t *testing.T, s *e2e.SecuredServer) (address string, unauthorized *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Authority.PEM())
	unauthorized = &atomic.Int64{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusUnauthorized && strings.HasSuffix(r.Request.URL.Path, "_bulk") {
			unauthorized.Add(1)
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL, unauthorized
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

// TestCredentialThatIsWrongForAWhile: the server changes its mind about a credential while chunks come, and changes it back. All
// of them arrive once, few requests are spent on it, and the log names the setting.
func TestCredentialThatIsWrongForAWhile(t *testing.T) {
	support.LongForm(t)
	s := e2e.Secured(t)
	for name, c := range map[string]struct {
		// begin returns the options, and what makes the credential wrong and right again.
		begin   func(t *testing.T, role e2e.Role) (options []string, wrong, right func())
		setting string
	}{
		"password": {func(t *testing.T, role e2e.Role) ([]string, func(), func()) {
			s.PutRole(t, "changed", role)
			s.PutUser(t, "changed", firstPassword, "changed")
			return []string{"HTTP_User changed", "HTTP_Passwd " + firstPassword},
				func() { s.PutUser(t, "changed", otherPassword, "changed") }, func() { s.PutUser(t, "changed", firstPassword, "changed") }
		}, "HTTP_Passwd"},
		"token": {func(t *testing.T, _ e2e.Role) ([]string, func(), func()) {
			if s.IsOpenSearch() {
				t.Skip("OpenSearch's security has no tokens without an identity provider")
			}
			r := newRealm(t)
			write := func(name string) { r.file("token", []byte(s.Token(t, name))) }
			write("first")
			return []string{"Bearer_Token_File " + filepath.Join(r.dir, "token")},
				func() { s.ForgetToken(t, "first") }, func() { write("second") }
		}, "Bearer_Token_File"},
	} {
		t.Run(name, func(t *testing.T) {
			index, role := writer(t, s)
			if name == "token" {
				index = "logs-" + strings.ReplaceAll(index, "-", ".") // what the service account may write to
			}
			options, wrong, right := c.begin(t, role)
			address, unauthorized := counting(t, s)
			i := e2e.NewInstance(t, append(options, "Hosts "+address, "Index "+index, "Generate_ID on", "Retry_Initial 200ms", "Retry_Max 2s")...)
			defer i.Close()
			i.MustBring(t, e2e.ChunkOf(t, host.Nested, 0, 10))
			wrong()
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
			if n := unauthorized.Load(); n == 0 || n > mostUnauthorized {
				t.Errorf("%d requests were answered 401 in %s, want 1 to %d", n, wrongFor, mostUnauthorized)
			} else {
				t.Logf("%d requests were answered 401 in %s, with 20 chunks waiting", n, wrongFor)
			}
			if i.Count("401", c.setting) == 0 {
				t.Errorf("no line names %s:\n%s", c.setting, i.Log.Tail(20))
			}
			right()
			for _, chunk := range pending {
				i.MustBring(t, chunk)
			}
			e2e.WantRecords(t, s.Server, index, 210)
		})
	}
}

// TestAPIKeyThatEnds: options are read at the start only, so a new key means a restart or a hot reload; what waited arrives.
func TestAPIKeyThatEnds(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	id, key := s.APIKey(t, index, "", role)
	address, unauthorized := counting(t, s)
	options := []string{"Hosts " + address, "Index " + index, "Generate_ID on"}
	i := e2e.NewInstance(t, append(options, "HTTP_API_Key "+key)...)
	i.MustBring(t, e2e.ChunkOf(t, host.Nested, 0, 10))
	s.InvalidateKey(t, id)
	chunk := e2e.ChunkOf(t, host.Nested, 10, 10)
	if got := i.Flush("app", chunk); got != es.Retry {
		t.Errorf("with a key that ended the flush answered %v", got)
	}
	if unauthorized.Load() == 0 || i.Count("401", "HTTP_API_Key") == 0 {
		t.Errorf("%d requests were answered 401; the log:\n%s", unauthorized.Load(), i.Log.Tail(20))
	}
	i.Close()
	_, key = s.APIKey(t, index, "1h", role)
	again := e2e.NewInstance(t, append(options, "HTTP_API_Key "+key)...)
	defer again.Close()
	again.MustBring(t, chunk)
	e2e.WantRecords(t, s.Server, index, 20)
}

// TestKeyThatMayOnlyWrite: the first look and a template are refused, and documents arrive all the same.
func TestKeyThatMayOnlyWrite(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	s.PutRole(t, "only-writes", role)
	s.PutUser(t, "only-writes", firstPassword, "only-writes")
	r := newRealm(t)
	file := r.file("template.json", []byte(`{"index_patterns":["`+index+`-x"]}`))
	i := e2e.NewInstance(t, append(s.SignIn("only-writes", firstPassword), "Index "+index, "Template_Name "+index, "Template_File "+file)...)
	defer i.Close()
	for n := range 3 {
		i.MustBring(t, e2e.ChunkOf(t, host.Nested, n*10, 10))
	}
	e2e.WantRecords(t, s.Server, index, 30)
	if n := i.Count("was not installed", "manage_index_templates"); n != 1 {
		t.Errorf("%d lines say that the template was not installed:\n%s", n, i.Log)
	}
}

// TestFingerprintOfTheServersOwnCertificate: CA fingerprint, as Elasticsearch prints it, is enough to trust the server itself.
func TestFingerprintOfTheServersOwnCertificate(t *testing.T) {
	s := e2e.Secured(t)
	index, role := writer(t, s)
	s.PutRole(t, "fingerprint", role)
	s.PutUser(t, "fingerprint", firstPassword, "fingerprint")
	sign := []string{"Hosts " + s.Address(), "HTTP_User fingerprint", "HTTP_Passwd " + firstPassword, "Index " + index}
	i := e2e.NewInstance(t, append(sign, "TLS_CA_Fingerprint "+s.Authority.Fingerprint())...)
	defer i.Close()
	i.MustBring(t, e2e.ChunkOf(t, host.Nested, 0, 10))
	other := e2e.NewInstance(t, append(sign, "TLS_CA_Fingerprint "+strings.Repeat("0", 64))...)
	defer other.Close()
	if got := other.Flush("app", e2e.ChunkOf(t, host.Nested, 10, 10)); got != es.Retry {
		t.Errorf("with another fingerprint the flush answered %v", got)
	}
	e2e.WantRecords(t, s.Server, index, 10)
}

// TestDeniedIndexNamesItself: the reason that a server with security gives for an item is whole in the log.
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

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"out_es/test/elasticsearch"
	"out_es/test/support"
)

// SecuredServer is a server with security of its own: TLS, users and roles.
type SecuredServer struct {
	*elasticsearch.Server
	Authority *support.Authority
	CAFile    string
}

// AdminPassword is that of SecuredServer's Admin.
const AdminPassword = "adminX/7 +right&p%41"

var secured struct {
	once   sync.Once
	server *SecuredServer
	dir    string
	err    error
}

// Secured returns the package's server with security, of the version under test or the nearest one
// that can be had. The first call starts it. It skips the test where there is none.
func Secured(t *testing.T) *SecuredServer {
	t.Helper()
	version, ok := elasticsearch.SecuredVersion(serverVersion())
	if !ok {
		t.Skip("the security of this server is not on Maven Central")
	}
	if os.Getenv("ES_URL") != "" {
		t.Skip("ES_URL names a server whose users are not ours")
	}
	secured.once.Do(func() { secured.server, secured.dir, secured.err = startSecured(t, version) })
	SkipMissing(t, secured.err)
	return secured.server
}

func startSecured(t *testing.T, version string) (*SecuredServer, string, error) {
	dir, err := os.MkdirTemp("", "out_es-secured-")
	if err != nil {
		return nil, "", err
	}
	authority := support.NewAuthority(t, "out_es test")
	pair := authority.Issue(support.Subject{Name: "localhost", Hosts: []string{"localhost", "127.0.0.1"}, WithAuthority: true})
	s := &SecuredServer{Authority: authority, CAFile: filepath.Join(dir, "ca.crt")}
	if err := os.WriteFile(s.CAFile, authority.PEM(), 0o600); err != nil {
		return nil, dir, err
	}
	s.Server, err = elasticsearch.Start(context.Background(), elasticsearch.Options{
		Version: version, Progress: os.Stderr,
		Security: &elasticsearch.Security{Certificate: pair.Cert, Key: pair.Key, Authority: authority.PEM(), Password: AdminPassword},
	})
	return s, dir, err
}

// stopSecured ends the package's server with security, if there is one.
func stopSecured() error {
	if secured.dir != "" {
		_ = os.RemoveAll(secured.dir)
	}
	if secured.server == nil || secured.server.Server == nil {
		return nil
	}
	return secured.server.Stop()
}

// IsOpenSearch reports whether its API of users is OpenSearch's.
func (s *SecuredServer) IsOpenSearch() bool { return s.Admin() == "admin" }

// SlowServer is an option of outputs to servers with security, where a first request may take
// seconds on a busy machine: a handshake, a slow hash of the password, roles that are looked up.
const SlowServer = "Request_Timeout 30s"

// At are the options of an output to this server, but for the credential.
func (s *SecuredServer) At() []string {
	return []string{"Hosts " + s.Address(), "TLS_CA_File " + s.CAFile, SlowServer}
}

// SignIn are the options of an output that signs in as a user.
func (s *SecuredServer) SignIn(user, password string) []string {
	return append(s.At(), "HTTP_User "+user, "HTTP_Passwd "+password)
}

// Role is what its users may do.
type Role struct {
	Cluster []string
	Indices []string // names or patterns
	Index   []string // privileges, or actions in OpenSearch
}

// PutRole makes a role, or replaces it.
func (s *SecuredServer) PutRole(t *testing.T, name string, role Role) {
	t.Helper()
	path, body := "/_security/role/"+name, map[string]any{
		"cluster": empty(role.Cluster), "indices": []any{map[string]any{"names": role.Indices, "privileges": role.Index}},
	}
	if s.IsOpenSearch() {
		path, body = "/_plugins/_security/api/roles/"+name, map[string]any{
			"cluster_permissions": empty(role.Cluster), "index_permissions": []any{map[string]any{"index_patterns": role.Indices, "allowed_actions": role.Index}},
		}
	}
	if len(role.Index) == 0 {
		delete(body, "indices")
		delete(body, "index_permissions")
	}
	s.put(t, path, body)
}

func empty(list []string) []string { return append([]string{}, list...) }

// PutUser makes a user, or gives it another password or other roles.
func (s *SecuredServer) PutUser(t *testing.T, name, password string, roles ...string) {
	t.Helper()
	path, body := "/_security/user/"+name, map[string]any{"password": password, "roles": roles}
	if s.IsOpenSearch() {
		path, body = "/_plugins/_security/api/internalusers/"+name, map[string]any{"password": password, "opendistro_security_roles": roles}
	}
	s.put(t, path, body)
}

func (s *SecuredServer) put(t *testing.T, path string, body map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), http.MethodPut, path, text); err != nil {
		t.Fatal(err)
	}
}

// APIKey makes a key with a role of its own, and returns it as HTTP_API_Key takes it; expiration
// may be empty. OpenSearch 3.4 has none.
func (s *SecuredServer) APIKey(t *testing.T, name, expiration string, role Role) (id, encoded string) {
	t.Helper()
	if s.IsOpenSearch() {
		t.Skip("OpenSearch's security has no API keys of this kind")
	}
	body := map[string]any{"name": name, "role_descriptors": map[string]any{"only": map[string]any{
		"cluster": empty(role.Cluster), "indices": []any{map[string]any{"names": role.Indices, "privileges": role.Index}}}}}
	if expiration != "" {
		body["expiration"] = expiration
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Do(t.Context(), http.MethodPost, "/_security/api_key", text)
	if err != nil {
		t.Fatal(err)
	}
	var key struct{ ID, Encoded string }
	if err := json.Unmarshal(answer, &key); err != nil {
		t.Fatal(err)
	}
	return key.ID, key.Encoded
}

// StreamTemplate has data streams made of these names, of which all fields are taken.
func (s *SecuredServer) StreamTemplate(t *testing.T, name, pattern string) {
	t.Helper()
	body := fmt.Sprintf(`{"index_patterns":[%q],"data_stream":{},"priority":600,"template":{"settings":{"number_of_replicas":0}}}`, pattern)
	if err := s.PutTemplate(t.Context(), strings.ToLower(name), body); err != nil {
		t.Fatal(err)
	}
}

// serviceTokens are those of a service account that may write to logs-*: the only bearer tokens of
// the basic licence.
const serviceTokens = "/_security/service/elastic/fleet-server/credential/token/"

// Token makes a bearer token of Elasticsearch's.
func (s *SecuredServer) Token(t *testing.T, name string) string {
	t.Helper()
	answer, err := s.Do(t.Context(), http.MethodPost, serviceTokens+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Token struct{ Value string } }
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	return made.Token.Value
}

// ForgetToken ends a bearer token.
func (s *SecuredServer) ForgetToken(t *testing.T, name string) {
	t.Helper()
	if _, err := s.Do(t.Context(), http.MethodDelete, serviceTokens+name, nil); err != nil {
		t.Fatal(err)
	}
}

// Knows reports whether the server takes an Authorization.
func (s *SecuredServer) Knows(t *testing.T, authorization string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Address()+"/_security/_authenticate", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Authority.PEM())
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode != http.StatusUnauthorized
}

// InvalidateKey ends an API key.
func (s *SecuredServer) InvalidateKey(t *testing.T, id string) {
	t.Helper()
	if _, err := s.Do(t.Context(), http.MethodDelete, "/_security/api_key", fmt.Appendf(nil, `{"ids":[%q]}`, id)); err != nil {
		t.Fatal(err)
	}
}

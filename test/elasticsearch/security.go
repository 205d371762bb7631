package elasticsearch

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Security configures a server's security: TLS by the server itself, and the password of its first
// user.
type Security struct {
	Certificate []byte // PEM, for 127.0.0.1; its authority's may follow
	Key         []byte // PEM, PKCS#8
	Authority   []byte // PEM
	Password    string // of Admin
}

// Admin returns the user who may do everything: "elastic", or "admin" in OpenSearch.
func (s *Server) Admin() string { return s.admin }

// Files of a secured server's folder of configuration, which the settings name.
const (
	certificateFile = "server.crt"
	keyFile         = "server.key"
	authorityFile   = "ca.crt"
)

// write puts the certificates where the server reads them.
func (s *Security) write(config string) error {
	for name, content := range map[string][]byte{certificateFile: s.Certificate, keyFile: s.Key, authorityFile: s.Authority} {
		if err := os.WriteFile(filepath.Join(config, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// securityPoll is how often a server that is starting is asked whether it knows its users.
const securityPoll = 200 * time.Millisecond

// awaitSecurity waits until the index with users and roles is there: for as long as it is being
// made, the server refuses everybody.
func (s *Server) awaitSecurity(ctx context.Context) error {
	if s.options.Security == nil {
		return nil
	}
	for {
		_, err := s.Do(ctx, http.MethodGet, "/_cluster/health/"+s.securityIndex+"?wait_for_status=yellow&wait_for_active_shards=1&timeout=60s", nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(securityPoll):
		}
	}
}

package elasticsearch

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"out_es/test/support"
)

// TestSecuredServers: each server with security has TLS and users of its own, and keeps both over a
// restart.
func TestSecuredServers(t *testing.T) {
	support.LongForm(t)
	for _, version := range Versions() {
		if _, ok := SecuredVersion(version); !ok {
			continue
		}
		t.Run(version, func(t *testing.T) {
			authority := support.NewAuthority(t, "out_es test")
			pair := authority.Issue(support.Subject{Name: "localhost", Hosts: []string{"localhost", "127.0.0.1"}, WithAuthority: true})
			options := Options{
				Version: version, DataDir: t.TempDir(), Progress: t.Output(),
				Security: &Security{Certificate: pair.Cert, Key: pair.Key, Authority: authority.PEM(), Password: "right password"},
			}
			for range 2 {
				server := startForTest(t, options)
				if !strings.HasPrefix(server.Address(), "https://") {
					t.Errorf("it is at %s", server.Address())
				}
				_, err := server.As(server.Admin(), "wrong password").Do(t.Context(), http.MethodGet, "/_cluster/health", nil)
				var status *StatusError
				if !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
					t.Errorf("a wrong password: %v", err)
				}
				index(t, server, "by the admin")
				if err := server.Refresh(t.Context(), "survivors"); err != nil {
					t.Fatal(err)
				}
				if err := server.Stop(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Package security covers TLS, credentials and proxies, and secrets in logs.
package security

import (
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// Package delivery shows that retries, faults between the plugin and Elasticsearch, and the C ABI
// cost no record.
package delivery

import (
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

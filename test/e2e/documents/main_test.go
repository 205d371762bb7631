// Package documents compares documents, their indices and their ids with their records.
package documents

import (
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

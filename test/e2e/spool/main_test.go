// Package spool tests the spool (docs/spool.md): kills, reloads, full and failing disks, outages,
// load.
package spool

import (
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

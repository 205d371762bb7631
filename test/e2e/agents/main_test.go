// Package agents runs the plugin in the real Fluent Bit from its start to its end, reloads
// included, and kills agents and servers under load.
package agents

import (
	"testing"

	"out_es/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

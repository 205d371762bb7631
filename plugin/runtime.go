package plugin

import (
	"os"
	"runtime/debug"
)

// gcPercent trades a little CPU for memory: the data path allocates next to
// nothing a record, so that a collection every fifth of the live heap (a few
// MB) is rare. docs/adr/0006 has the measurement.
const gcPercent = 20

// TuneRuntime sets the collector for life inside somebody else's agent. GOGC
// in the environment wins.
func TuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

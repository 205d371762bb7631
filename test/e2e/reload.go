package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// Reload sends SIGHUP until an agent's log has line at least n times. An output starts before its
// reload ends, and Fluent Bit refuses the next one until then.
func Reload(t *testing.T, agent *fluentbit.Agent, line string, n int) {
	t.Helper()
	refused := func() int { return strings.Count(agent.Log(), "reloading in progress, aborting") }
	before := refused()
	agent.Signal(t, syscall.SIGHUP)
	support.Eventually(t, time.Minute, "the outputs start again", func() bool {
		if now := refused(); now > before {
			before = now
			agent.Signal(t, syscall.SIGHUP)
		}
		return agent.Ended() || strings.Count(agent.Log(), line) >= n
	})
}

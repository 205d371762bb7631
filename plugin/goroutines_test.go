package plugin_test

import (
	"runtime"
	"testing"
	"time"

	"out_es/plugin"
)

// How many goroutines an instance may have: none of its own once its startup check
// is over, and net/http's two for the connection that the look made and that
// flushes use again. With a spool, the sender and the retrier are two more.
const (
	goroutinesMade    = 0
	goroutinesFlushed = 2
	goroutinesSpool   = 2
)

func TestAnInstanceHasFewGoroutines(t *testing.T) {
	for name, row := range map[string]struct {
		more section
		made int
	}{
		"plain":   {section{}, goroutinesMade},
		"gzip":    {section{"Compress": "gzip"}, goroutinesMade},
		"spooled": {section{"Spool_Path": t.TempDir(), "Spool_Linger": "0s"}, goroutinesMade + goroutinesSpool},
	} {
		t.Run(name, func(t *testing.T) {
			const records = 10
			s := section{"Hosts": quietServer(t, records)}
			for option, value := range row.more {
				s[option] = value
			}
			before := runtime.NumGoroutine()
			p, err := plugin.New(s.lookup, silent())
			if err != nil {
				t.Fatal(err)
			}
			const ofTheServer = 1 // for its end of the connection
			p.AwaitStartupCheck()
			atMost(t, "made", before+row.made+goroutinesFlushed+ofTheServer)
			for range 20 {
				if outcome := p.Flush("tag", numbered(records)); outcome != plugin.OK {
					t.Fatalf("outcome %v", outcome)
				}
			}
			atMost(t, "after 20 flushes", before+row.made+goroutinesFlushed+ofTheServer)
			p.Close()
			atMost(t, "closed", before+ofTheServer)
		})
	}
}

// atMost waits until there are no more goroutines than that: one that has done
// its work is gone a moment later.
func atMost(t *testing.T, when string, want int) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Second)
	for runtime.NumGoroutine() > want {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%s: %d goroutines, want at most %d:\n%s", when, runtime.NumGoroutine(), want, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(5 * time.Millisecond) // nothing tells that a goroutine has ended
	}
}

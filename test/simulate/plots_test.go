package simulate

import (
	"flag"
	"os"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "draw the plots of docs anew")

// fleet is the scenario of the plots, played once for all tests.
var fleet struct {
	sync.Once
	traces []*Trace
}

func played(t *testing.T) []*Trace {
	t.Helper()
	fleet.Do(func() { fleet.traces = play(t, outage) })
	return fleet.traces
}

func TestPlotsAreCurrent(t *testing.T) {
	traces := played(t)
	for file, svg := range map[string]string{
		"../../docs/delivery-schedule.svg": DrawSchedule(outage, traces[0]),
		"../../docs/delivery-herd.svg":     DrawHerd(outage, Gather(outage, traces)),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(svg), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(committed) != svg {
			t.Errorf("%s is not what the code does now: run go test ./test/simulate -update", file)
		}
	}
}

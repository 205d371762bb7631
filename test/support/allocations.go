package support

import "testing"

// Allocations returns how many heap allocations one call of do makes, as
// [testing.AllocsPerRun] counts them, by the lowest of five measurements.
//
// AllocsPerRun counts for the whole process: an allocation of the runtime (the start of a
// collection's worker, a timer) in a measurement of few runs is taken for one of do. An allocation
// of do itself is in every measurement, so the lowest one holds it.
func Allocations(runs int, do func()) float64 {
	lowest := testing.AllocsPerRun(runs, do)
	for i := 1; i < 5 && lowest > 0; i++ {
		lowest = min(lowest, testing.AllocsPerRun(runs, do))
	}
	return lowest
}

package faults

import (
	"math"
	"slices"
	"testing"
	"time"
)

var mixed = []Rule{
	{Fault: CutBefore, Share: 0.1}, {Fault: CutAfter, Share: 0.1}, {Fault: Throttle, Share: 0.1, RetryAfter: "1"},
	{Fault: ThrottleItems, Share: 0.1}, {Fault: Slow, Share: 0.1, Delay: time.Second}, {Fault: Unauthorized, Share: 0.02, For: 4},
}

// sequence draws n choices, each as its fault and the first number of its details.
func sequence(t *testing.T, seed uint64, n int) (faults []Fault, details []uint64) {
	t.Helper()
	c, err := newChooser(seed, mixed)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		next := c.next()
		faults, details = append(faults, next.Fault), append(details, next.detail.Uint64())
	}
	return faults, details
}

func TestSameSeedSameSequence(t *testing.T) {
	const n = 1000
	faults, details := sequence(t, 42, n)
	again, detailsAgain := sequence(t, 42, n)
	if !slices.Equal(faults, again) || !slices.Equal(details, detailsAgain) {
		t.Error("the same seed gave another sequence")
	}
	if other, _ := sequence(t, 43, n); slices.Equal(faults, other) {
		t.Error("another seed gave the same sequence")
	}
}

func TestSharesHold(t *testing.T) {
	const n = 20_000
	faults, _ := sequence(t, 7, n)
	counts := map[Fault]float64{}
	for _, f := range faults {
		counts[f] += 1.0 / n
	}
	for f, want := range map[Fault]float64{CutBefore: 0.1, ThrottleItems: 0.1, Unauthorized: 0.07} { // 4 requests each time it starts
		if math.Abs(counts[f]-want) > 0.02 {
			t.Errorf("%v has a share of %.3f, want about %.2f", f, counts[f], want)
		}
	}
}

func TestLastingFaultsFollowInARow(t *testing.T) {
	faults, _ := sequence(t, 7, 5000)
	for i := 0; i < len(faults); i++ {
		if faults[i] != Unauthorized {
			continue
		}
		row := 0
		for ; i < len(faults) && faults[i] == Unauthorized; i++ {
			row++
		}
		if row%4 != 0 && i < len(faults) {
			t.Fatalf("%d requests in a row met it, want 4 or a multiple", row)
		}
	}
}

package simulate

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestWaitIsDrawnEvenlyFromBaseToCap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		scheduler       Scheduler
		retry           int
		lowest, highest int
	}{
		"first retry":       {Scheduler{1, 30}, 1, 2, 3},
		"third retry":       {Scheduler{1, 30}, 3, 2, 9},
		"capped":            {Scheduler{1, 30}, 9, 2, 31},
		"default, first":    {Scheduler{5, 2000}, 1, 6, 11},
		"default, capped":   {Scheduler{5, 2000}, 12, 6, 2001},
		"many, no overflow": {Scheduler{5, 2000}, 90, 6, 2001},
	} {
		t.Run(name, func(t *testing.T) {
			if lowest, highest := c.scheduler.Range(c.retry); lowest != c.lowest || highest != c.highest {
				t.Errorf("the range is %d to %d, want %d to %d", lowest, highest, c.lowest, c.highest)
			}
			seen := map[int]int{}
			draws := 200 * (c.highest - c.lowest + 1)
			for range draws {
				seen[c.scheduler.Wait(c.retry, random)]++
			}
			for seconds := c.lowest; seconds <= c.highest; seconds++ {
				if n := seen[seconds]; n < 100 || n > 300 {
					t.Errorf("%d of %d draws are %d s, want about 200", n, draws, seconds)
				}
				delete(seen, seconds)
			}
			if len(seen) > 0 {
				t.Errorf("draws outside of %d to %d: %v", c.lowest, c.highest, seen)
			}
		})
	}
}

func TestDueIsWithinASecondOfTheWait(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	started := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for range 10_000 {
		now := started.Add(time.Duration(random.Int64N(int64(time.Hour))))
		seconds := 1 + random.IntN(2001)
		wait := time.Duration(seconds) * time.Second
		got := (Scheduler{}).Due(started, now, seconds).Sub(now)
		if wait <= frame && got != wait || got <= wait-time.Second || got >= wait+time.Second {
			t.Fatalf("a retry that waits %s comes after %s", wait, got)
		}
	}
}

package plugin

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestFreeMemoryIsGivenBackOnceAfterWork(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	synctest.Test(t, func(t *testing.T) {
		var r rest
		before := forced()
		for range 3 {
			r.used()
		}
		time.Sleep(restEvery - time.Millisecond)
		if got := forced() - before; got != 0 {
			t.Errorf("%d collections before it is time", got)
		}
		for work := uint32(1); work <= 2; work++ {
			time.Sleep(10 * restEvery)
			synctest.Wait()
			if got := forced() - before; got != work {
				t.Errorf("%d collections after work was done %d times", got, work)
			}
			r.used()
		}
		time.Sleep(2 * restEvery)
	})
}

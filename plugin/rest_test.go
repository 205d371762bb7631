package plugin

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestFreeMemoryIsGivenBackOnceAfterWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int32
		r := rest{give: func() { given.Add(1) }}
		for range 3 {
			r.used()
		}
		time.Sleep(restEvery - time.Millisecond)
		if given.Load() != 0 {
			t.Errorf("given back %d times before it is time", given.Load())
		}
		for work := int32(1); work <= 2; work++ {
			time.Sleep(10 * restEvery)
			synctest.Wait()
			if given.Load() != work {
				t.Errorf("given back %d times after work was done %d times", given.Load(), work)
			}
			r.used()
		}
		time.Sleep(2 * restEvery)
		synctest.Wait()
	})
}

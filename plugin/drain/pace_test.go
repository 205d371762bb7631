package drain

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
)

// Chunks in later are sent little by little when their destination accepts documents again, and new
// ones go first.
func TestWaitingRecordsAreSentAtALimitedRate(t *testing.T) {
	const before, held, after = 20, 120, 500 // seconds, of a chunk each for two destinations
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		o := options(t.TempDir())
		o.Linger = time.Second
		o.Policy.InitialPause, o.Policy.MaxPause, o.Policy.Bytes = 500*time.Millisecond, 30*time.Second, 4000
		began := time.Now()
		bytes, requests := make([]int, before+held+after+1), make([]int, before+held+after+1)
		r := start(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
			second := int(time.Since(began) / time.Second)
			bytes[second] += req.Size()
			requests[second]++
			return c.send(req, each)
		})
		for second := range before + held + after {
			switch second {
			case before:
				c.hold("app-a")
			case before + held:
				c.free("app-a")
			}
			for _, tag := range []string{"a", "b"} {
				for range 5 { // 380 bytes
					r.flush(t, tag, withTime)
				}
			}
			time.Sleep(time.Second)
			if second > 1 && c.has("app-b") < 5*(second-1) {
				t.Errorf("second %d: %d documents of the destination without trouble", second, c.has("app-b"))
			}
		}
		time.Sleep(5 * time.Second)
		r.close()
		if want := 5 * (before + held + after); c.has("app-a") != want || c.has("app-b") != want {
			t.Errorf("%d and %d documents, want %d each", c.has("app-a"), c.has("app-b"), want)
		}
		healthy := slices.Max(requests[5:before])
		volume := slices.Max(bytes[5:before])
		for second := before + held; second+10 <= len(bytes); second++ {
			if sum(requests[second:second+10]) > 2*10*healthy || sum(bytes[second:second+10]) > 2*10*volume {
				t.Errorf("%d requests and %d bytes in 10 s from second %d on, %d and %d in one of a good day",
					sum(requests[second:second+10]), sum(bytes[second:second+10]), second, healthy, volume)
				break
			}
		}
	})
}

func sum(all []int) (n int) {
	for _, one := range all {
		n += one
	}
	return n
}

package drain

import (
	"testing"

	"out_es/plugin/bulk"
)

// The metrics tell of the last flush, though the sender is in a request that does
// not end and no other flush comes.
func TestMetricsAreUpToDateWhileARequestHangs(t *testing.T) {
	came, hang := make(chan bool, 100), make(chan bool)
	o := options(t.TempDir())
	o.Linger = 0
	r := start(t, o, func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		came <- true
		<-hang
		for range req.Positions() {
			each(bulk.Item{Status: 201})
		}
		return len(req.Positions()), nil
	})
	r.flush(t, "tag", withTime)
	<-came
	for range 4 {
		if err := r.Enqueue("tag", []byte(withTime)); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the metrics tell of five records", func() bool {
		return r.host.Count("records_total", "spooled") == 5 && r.host.Gauge("spool_chunks") == 5
	})
	close(hang)
	r.close()
}

package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"out_es/plugin"
	"out_es/plugin/fluentbit/fluentbittest"
)

// An exit waits for a request that is nearly answered, and cuts off one that is
// not.
func TestAnExitGivesARequestOneSecond(t *testing.T) {
	for _, delay := range []time.Duration{20 * time.Millisecond, 2 * hung} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()
			came := make(chan bool, 1)
			release := make(chan bool)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadAll(r.Body)
				select {
				case came <- true:
				default:
				}
				select {
				case <-time.After(delay):
				case <-release:
				}
				_, _ = io.WriteString(w, `{"items":[{"create":{"status":201}}]}`)
			}))
			defer server.Close()
			defer close(release)
			options := section{"Hosts": server.URL, "Spool_Path": t.TempDir(), "Spool_Linger": "0"}
			host := fluentbittest.NewRecorder("es_go.0")
			p, err := plugin.New(options.lookup, host.Instance())
			if err != nil {
				t.Fatal(err)
			}
			if outcome := p.Flush("tag", numbered(1)); outcome != plugin.OK {
				t.Fatalf("outcome %v", outcome)
			}
			<-came
			began := time.Now()
			p.Close()
			if took := time.Since(began); took > hung {
				t.Errorf("the exit took %s", took)
			}
			if frames, want := host.Gauge("spool_chunks"), map[bool]float64{true: 0, false: 1}[delay < time.Second]; frames != want {
				t.Errorf("%v frames are left, want %v", frames, want)
			}
		})
	}
}

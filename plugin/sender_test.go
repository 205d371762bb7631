package plugin

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/fluentbit"
)

// spoolFaulty is faulty with a spool, whose sender is given other parts before
// it starts.
func spoolFaulty(t *testing.T, dir string, change func(*Plugin)) (*Plugin, *fluentbit.Recorder) {
	t.Helper()
	section := map[string]string{"Hosts": "http://127.0.0.1:1", "Compress": "off", "Spool_Path": dir, "Spool_Linger": "100ms", "Retry_Initial": "1ms", "Retry_Max": "5ms", "Retry_Budget": "0"}
	host := fluentbit.NewRecorder("es_go.0")
	p, err := New(func(name string) string { return section[name] }, host.Instance())
	if err != nil {
		t.Fatal(err)
	}
	change(p) // nothing is in the spool yet, so that the sender has not looked
	return p, host
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// A chunk that makes the sender panic, whatever it is sent with, is set aside.
// All others arrive.
func TestAFrameThatTheSenderPanicsOnIsSetAside(t *testing.T) {
	dir := t.TempDir()
	sent := make(chan int, 1000)
	p, host := spoolFaulty(t, dir, func(p *Plugin) {
		p.deliverer = deliver.New(sendFunc(func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
			if body, err := req.Seal(); err != nil || strings.Contains(string(body), "guilty") {
				panic("a fault")
			}
			for range req.Positions() {
				each(bulk.Item{Status: 201})
				sent <- 1
			}
			return len(req.Positions()), nil
		}), p.report, p.setup.policy)
	})
	for i := range 6 {
		data := withTime + withTime
		if i == 3 {
			data = "\x92\x00\x81\xaa@timestamp\xa6guilty"
		}
		if outcome := p.Flush("tag", []byte(data)); outcome != OK {
			t.Fatalf("outcome %v", outcome)
		}
	}
	waitFor(t, "the others arrive", func() bool { return len(sent) == 10 })
	waitFor(t, "the spool is empty", func() bool { return p.spooling.fresh.Stats().Frames == 0 })
	p.Close()
	aside, _ := filepath.Glob(filepath.Join(dir, "es_go.0", "damaged-*.bin"))
	if len(aside) != 1 || host.Count("spool_damaged_frames_total", "") != 1 {
		t.Fatalf("set aside: %v", aside)
	}
	if text, err := os.ReadFile(aside[0]); err != nil || !strings.Contains(string(text), "guilty") {
		t.Errorf("%q, %v", text, err)
	}
	if accepted, malformed := host.Count("documents_total", "accepted"), host.Count("documents_total", "malformed"); accepted != 10 || malformed != 1 {
		t.Errorf("%d accepted, %d malformed", accepted, malformed)
	}
	if came := host.Count("unspooled_total", ""); came != 11 {
		t.Errorf("%d records came out of the spool", came)
	}
}

// An exit waits for a request that is nearly answered, and cuts off one that is
// not.
func TestAnExitGivesARequestOneSecond(t *testing.T) {
	for delay, limit := range map[time.Duration]time.Duration{300 * time.Millisecond: time.Second, time.Minute: 2 * time.Second} {
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
			section := map[string]string{"Hosts": server.URL, "Spool_Path": t.TempDir(), "Spool_Linger": "0"}
			host := fluentbit.NewRecorder("es_go.0")
			p, err := New(func(name string) string { return section[name] }, host.Instance())
			if err != nil {
				t.Fatal(err)
			}
			if outcome := p.Flush("tag", []byte(withTime)); outcome != OK {
				t.Fatalf("outcome %v", outcome)
			}
			<-came
			began := time.Now()
			p.Close()
			if took := time.Since(began); took > limit {
				t.Errorf("the exit took %s", took)
			}
			if frames, want := host.Gauge("spool_frames"), map[bool]float64{true: 0, false: 1}[delay < time.Second]; frames != want {
				t.Errorf("%v frames are left, want %v", frames, want)
			}
		})
	}
}

// A spool on a disk that fails at reading gives up a frame, and no other.
func TestASegmentThatIsCutUnderTheSenderCostsItsFrames(t *testing.T) {
	dir := t.TempDir()
	gate := make(chan bool)
	sent := make(chan int, 1000)
	p, host := spoolFaulty(t, dir, func(p *Plugin) {
		p.deliverer = deliver.New(sendFunc(func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
			<-gate
			for range req.Positions() {
				each(bulk.Item{Status: 201})
				sent <- 1
			}
			return len(req.Positions()), nil
		}), p.report, p.setup.policy)
	})
	for i := range 20 {
		if outcome := p.Flush(fmt.Sprint("tag", i), []byte(withTime+withTime)); outcome != OK {
			t.Fatalf("outcome %v", outcome)
		}
	}
	segments, _ := filepath.Glob(filepath.Join(dir, "es_go.0", "segment-*"))
	info, err := os.Stat(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments[0], info.Size()/2); err != nil {
		t.Fatal(err)
	}
	close(gate)
	waitFor(t, "the spool is empty", func() bool { return p.spooling.fresh.Stats().Frames == 0 })
	p.Close()
	arrived, damaged := len(sent)/2, int(host.Count("spool_damaged_frames_total", ""))
	if arrived+damaged < 20 || arrived == 0 || damaged == 0 {
		t.Errorf("%d frames arrived, %d damaged", arrived, damaged)
	}
}

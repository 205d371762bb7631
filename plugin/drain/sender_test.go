package drain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

// A chunk that makes the sender panic, whatever it is sent with, is set aside.
// All others arrive.
func TestAFrameThatTheSenderPanicsOnIsSetAside(t *testing.T) {
	dir := t.TempDir()
	sent := make(chan int, 1000)
	r := start(t, options(dir), func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		if body, err := req.Seal(); err != nil || strings.Contains(string(body), "guilty") {
			panic("a fault")
		}
		for range req.Positions() {
			each(bulk.Item{Status: 201})
			sent <- 1
		}
		return len(req.Positions()), nil
	})
	for i := range 6 {
		data := withTime + withTime
		if i == 3 {
			data = "\x92\x00\x81\xaa@timestamp\xa6guilty"
		}
		r.flush(t, "tag", data)
	}
	waitFor(t, "the others arrive", func() bool { return len(sent) == 10 })
	waitFor(t, "the spool is empty", func() bool { return r.fresh.Stats().Frames == 0 })
	r.close()
	aside, _ := filepath.Glob(filepath.Join(dir, "damaged-*.bin"))
	if len(aside) != 1 || r.host.Count("spool_damaged_chunks_total", "") != 1 {
		t.Fatalf("set aside: %v", aside)
	}
	if text, err := os.ReadFile(aside[0]); err != nil || !strings.Contains(string(text), "guilty") {
		t.Errorf("%q, %v", text, err)
	}
	if accepted, malformed := r.host.Count("records_total", "accepted"), r.host.Count("records_total", "malformed"); accepted != 10 || malformed != 1 {
		t.Errorf("%d accepted, %d malformed", accepted, malformed)
	}
	if came := r.host.Count("spool_dequeued_records_total", ""); came != 11 {
		t.Errorf("%d records came out of the spool", came)
	}
}

// A spool on a disk that fails at reading gives up a frame, and no other.
func TestASegmentThatIsCutUnderTheSenderCostsItsFrames(t *testing.T) {
	dir := t.TempDir()
	gate := make(chan bool)
	sent := make(chan int, 1000)
	r := start(t, options(dir), func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		<-gate
		for range req.Positions() {
			each(bulk.Item{Status: 201})
			sent <- 1
		}
		return len(req.Positions()), nil
	})
	for i := range 20 {
		r.flush(t, fmt.Sprint("tag", i), withTime+withTime)
	}
	segments, _ := filepath.Glob(filepath.Join(dir, "segment-*"))
	info, err := os.Stat(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments[0], info.Size()/2); err != nil {
		t.Fatal(err)
	}
	close(gate)
	waitFor(t, "the spool is empty", func() bool { return r.fresh.Stats().Frames == 0 })
	r.close()
	arrived, damaged := len(sent)/2, int(r.host.Count("spool_damaged_chunks_total", ""))
	if arrived+damaged < 20 || arrived == 0 || damaged == 0 {
		t.Errorf("%d frames arrived, %d damaged", arrived, damaged)
	}
}

// A delivery may end before its first request, as where the gate is closed: the frames that the one
// before had come to are forgotten by then.
func TestADeliveryWithoutARequestAfterAnOutage(t *testing.T) {
	r := prepare(t, options(t.TempDir()), away)
	r.flush(t, "tag", withTime)
	b := r.sender.fresh
	if _, err := b.readAhead(1, maxFrames); err != nil {
		t.Fatal(err)
	}
	if err := r.sender.deliver(b); !r.sender.outage(b, err) {
		t.Errorf("no outage: %v", err)
	}
	b.forget()
	r.cancel()
	if err := r.sender.deliver(b); err == nil || !r.sender.outage(b, err) {
		t.Errorf("no outage: %v", err)
	}
}

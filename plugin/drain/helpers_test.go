package drain

import (
	"context"
	"sync"
	"testing"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
	"out_es/plugin/report"
	"out_es/plugin/source"
	"out_es/test/support"
)

// withTime is {"@timestamp":1} at second 0.
const withTime = "\x92\x00\x81\xaa@timestamp\x01"

// sendFunc is deliver.Sender as a function.
type sendFunc func(*bulk.Request, func(bulk.Item)) (int, *bulk.Failure)

func (s sendFunc) Send(_ context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	return s(req, each)
}

// locked returns send with mu held, for a test that shares variables with it.
func locked(mu *sync.Mutex, send sendFunc) sendFunc {
	return func(req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
		mu.Lock()
		defer mu.Unlock()
		return send(req, each)
	}
}

// running is a drain inside a Fluent Bit that records its calls.
type running struct {
	*Drain
	deliverer *deliver.Deliverer
	host      *fluentbittest.Recorder
	instance  *fluentbit.Instance
}

// options are those of a spool in dir with a sender that never waits long.
func options(dir string) Options {
	return Options{
		Dir: dir, Limit: 1 << 30, HeldShare: 50, Linger: 100 * time.Millisecond,
		Policy: deliver.Policy{Bytes: 5 << 20, RequestTimeout: time.Minute, InitialPause: time.Millisecond, MaxPause: 5 * time.Millisecond, Window: 2},
	}
}

// prepare opens a drain without starting its sender.
func prepare(t *testing.T, o Options, send sendFunc) *running {
	t.Helper()
	return prepareFor(t, "app-$TAG", o, send)
}

// prepareFor is prepare with the template of the index.
func prepareFor(t *testing.T, template string, o Options, send sendFunc) *running {
	t.Helper()
	var paths chunk.Paths
	index, err := address.ParseTemplate(template, &paths)
	if err != nil {
		t.Fatal(err)
	}
	date, err := address.ParseDate("%Y-%m-%dT%H:%M:%S")
	if err != nil {
		t.Fatal(err)
	}
	host := fluentbittest.NewRecorder("es_go.0")
	r := &running{host: host, instance: host.Instance()}
	reporter := report.New(r.instance, report.Options{Spooled: true})
	r.deliverer = deliver.New(send, reporter, o.Policy)
	shared := &source.Shared{Report: reporter, Options: source.Options{
		RequestBytes: o.Policy.Bytes,
		Address:      address.IndexOptions(index, index), Document: document.Options{TimeKey: "@timestamp", TimeFormat: date, Paths: &paths},
	}}
	r.Drain, err = open(o, Dependencies{
		Sources: shared, Deliverer: r.deliverer, Report: reporter, Worked: func() {},
		Fault: func(problem any) { r.instance.Log(fluentbit.Error, "a fault: %v", problem) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start opens a drain and starts its sender.
func start(t *testing.T, o Options, send sendFunc) *running {
	t.Helper()
	r := prepare(t, o, send)
	r.begin()
	return r
}

// flush appends a chunk as a flush does.
func (r *running) flush(t *testing.T, tag, data string) {
	t.Helper()
	if err := r.Enqueue(tag, []byte(data)); err != nil {
		t.Fatal(err)
	}
	r.instance.Service()
}

func (r *running) close() {
	r.Close()
	r.instance.Close()
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	support.Eventually(t, time.Minute, what, holds)
}

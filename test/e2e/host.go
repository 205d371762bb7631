package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"out_es/test/host"
	"out_es/test/support"
)

// StartHost loads the plugin into our own host; log gets its lines.
func StartHost(t *testing.T, o host.Options) (*host.Host, *support.Journal) {
	t.Helper()
	log := &support.Journal{}
	o.Plugin, o.Log = plugin, log
	h, err := host.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Close()
		if t.Failed() {
			t.Logf("the host's log:\n%s", log)
		}
	})
	return h, log
}

// Output makes an instance with these options, given as "Key value".
func Output(t *testing.T, h *host.Host, workers int, options ...string) *host.Output {
	t.Helper()
	var properties [][2]string
	for _, option := range options {
		key, value, _ := strings.Cut(option, " ")
		properties = append(properties, [2]string{key, value})
	}
	o, err := h.Init(host.Instance{Properties: properties, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Flush hands a chunk over and wants a code.
func Flush(t *testing.T, o *host.Output, tag string, chunk []byte, want host.Code) {
	t.Helper()
	got, err := o.Flush(t.Context(), tag, chunk)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the flush answered %v, want %v", got, want)
	}
}

// FlushUntilOK flushes a chunk, and again after each RETRY, like Fluent Bit.
func FlushUntilOK(t *testing.T, o *host.Output, tag string, chunk []byte) {
	t.Helper()
	support.Eventually(t, 2*time.Minute, "the flush answers OK", func() bool {
		got, err := o.Flush(t.Context(), tag, chunk)
		if err != nil {
			t.Fatal(err)
		}
		return got == host.OK
	})
}

// ChunkOf makes one chunk of n records.
func ChunkOf(t *testing.T, layout host.Layout, first, n int) []byte {
	t.Helper()
	c := host.Chunk{Layout: layout}
	for i := first; i < first+n; i++ {
		if err := c.AddJSON(TimeOf(i), fmt.Appendf(nil, `{"n":%d,"message":"record %d"}`, i, i)); err != nil {
			t.Fatal(err)
		}
	}
	return c.Bytes
}

package document_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"out_es/plugin/address"
	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// The benchmarks are read together, from one run:
//
//	go test -run '^$' -bench . -count 6 ./plugin/document
//
// The bar is ten copies (BesideCopy) and five times Compact's MB/s. Document has both because a
// container's chunk repeats the metadata of its pod (memo.go); Mixed, where nothing repeats, has
// the second only.

// BenchmarkDocument is the encoder's whole path: it reads a chunk of Kubernetes events, checks
// their strings for UTF-8, and writes the documents.
func BenchmarkDocument(b *testing.B) {
	data, _ := kubernetesChunk()
	benchmarkDocument(b, data)
}

// BenchmarkDocumentMixed has another pod in every event, so that memory of the last one saves
// nothing.
func BenchmarkDocumentMixed(b *testing.B) {
	data, _ := mixedChunk()
	benchmarkDocument(b, data)
}

// BenchmarkDocumentAlternating alternates twelve pods, like a chunk that collects a node's
// containers under one tag.
func BenchmarkDocumentAlternating(b *testing.B) {
	data, _ := fullChunk(func(i int) int { return i * 5 % 12 })
	benchmarkDocument(b, data)
}

func benchmarkDocument(b *testing.B, data []byte) {
	w := defaultWriter(b)
	dst := encodeAll(b, w, nil, data)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		dst = encodeAll(b, w, dst[:0], data)
	}
}

// BenchmarkBesideCopy reports how many times a chunk could be copied in the time of its encoding.
// It copies the chunk itself, which is smaller than its documents, from the same memory, so that
// both find it in the processor's caches or neither does. Encoding and copying alternate, so that
// other load of the machine slows both.
//
// Other load only ever adds time, and not equally: a neighbour on the same physical core slows
// encoding by half, and copying less. So each counts with the first decile of its times.
//
// The chunk is copied in one call, and in pieces: a call of 1 MB and more writes past the caches
// (runtime/memmove_amd64.s), pieces of 64 KB don't, and are faster.
func BenchmarkBesideCopy(b *testing.B) {
	const pieceBytes = 64 << 10
	data, _ := kubernetesChunk()
	w := defaultWriter(b)
	dst, whole, target := encodeAll(b, w, nil, data), make([]byte, len(data)), make([]byte, len(data))
	var encoded, copied, pieces []float64
	for b.Loop() {
		start := time.Now()
		dst = encodeAll(b, w, dst[:0], data)
		encoded = append(encoded, since(&start))
		copy(whole, data)
		copied = append(copied, since(&start))
		for at := 0; at < len(data); at += pieceBytes {
			copy(target[at:min(at+pieceBytes, len(data))], data[at:])
		}
		pieces = append(pieces, since(&start))
	}
	megabytes := float64(len(data)) / 1e6
	b.ReportMetric(0, "ns/op") // of all three
	b.ReportMetric(undisturbed(encoded)/undisturbed(copied), "copies")
	b.ReportMetric(undisturbed(encoded)/undisturbed(pieces), "piecewise-copies")
	b.ReportMetric(megabytes/undisturbed(copied), "copied-MB/s")
	b.ReportMetric(megabytes/undisturbed(pieces), "copied-piecewise-MB/s")
}

// since returns the seconds since start, and restarts it.
func since(start *time.Time) float64 {
	now := time.Now()
	seconds := now.Sub(*start).Seconds()
	*start = now
	return seconds
}

// undisturbed is the first decile of the times.
func undisturbed(times []float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/10]
}

// BenchmarkCompact walks and copies the documents by encoding/json. They are JSON already, so it
// neither reads msgpack nor escapes anything.
func BenchmarkCompact(b *testing.B) {
	data, _ := kubernetesChunk()
	documents := bytes.Split(bytes.TrimSpace(encodeAll(b, defaultWriter(b), nil, data)), []byte("\n"))
	var dst bytes.Buffer
	dst.Grow(2 * len(data))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		dst.Reset()
		for _, d := range documents {
			if err := json.Compact(&dst, d); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestEncodingKubernetesEventsAllocatesNothing(t *testing.T) {
	data, events := kubernetesChunk()
	w := defaultWriter(t)
	dst := encodeAll(t, w, nil, data)
	if n := support.Allocations(5, func() { dst = encodeAll(t, w, dst[:0], data) }); n != 0 {
		t.Errorf("%v allocations for %d events, want 0", n, events)
	}
	if bytesEach := len(dst) / events; bytesEach < 700 || bytesEach > 1000 {
		t.Errorf("a document has %d bytes, which is not what Kubernetes makes", bytesEach)
	}
}

// defaultWriter has the default options, and the tag.
func defaultWriter(t testing.TB) *document.Writer {
	t.Helper()
	format, err := address.ParseDate("%Y-%m-%dT%H:%M:%S")
	if err != nil {
		t.Fatal(err)
	}
	w := document.NewWriter(document.Options{
		TimeKey: "@timestamp", TimeFormat: format, TagKey: "flb-key", MetadataKey: "metadata",
	})
	w.Begin("kube.var.log.containers.checkout-5d8f7c9b64-x2v9k_shop_checkout-7a1f3c5e.log")
	return w
}

// encodeAll appends every event of data as a line.
func encodeAll(t testing.TB, w *document.Writer, dst, data []byte) []byte {
	t.Helper()
	r := chunk.NewReader(data)
	var e chunk.Event
	for {
		switch err := r.Next(&e); err {
		case io.EOF:
			return dst
		case nil:
		default:
			t.Fatal(err)
		}
		out, rest, err := w.Append(dst, &e)
		if err != nil {
			t.Fatal(err)
		}
		r.Done(rest)
		dst = append(out, '\n')
	}
}

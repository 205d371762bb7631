package bulk_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

// fill commits documents, at positions 0, 2, 4 …, and returns the expected body.
func fill(t *testing.T, r *bulk.Request, documents []string) string {
	t.Helper()
	var want strings.Builder
	for i, document := range documents {
		lines := fmt.Sprintf("{\"create\":{\"_index\":\"i\"}}\n%s\n", document)
		want.WriteString(lines)
		before := r.Buffer()
		grown := append(before, lines...)
		if added := r.Added(grown); added != len(lines) {
			t.Fatalf("Added says %d of %d bytes", added, len(lines))
		}
		if err := r.Commit(grown, 2*i); err != nil {
			t.Fatal(err)
		}
	}
	return want.String()
}

// sealed is the body as a server sees it.
func sealed(t *testing.T, r *bulk.Request) string {
	t.Helper()
	body, err := r.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if len(body) != r.Sent() {
		t.Errorf("Sent is %d, the body has %d bytes", r.Sent(), len(body))
	}
	if r.Compression() == bulk.Plain {
		return string(body)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacker)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func randomDocument(random *rand.Rand, size int) string {
	text := make([]byte, size)
	for i := range text {
		text[i] = 'a' + byte(random.IntN(26))
	}
	return `{"a":"` + string(text) + `"}`
}

func TestRequestBodies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	bodies := map[string][]string{
		"no document":                         nil,
		"one document":                        {`{"a":1}`},
		"a document that fills one piece":     {randomDocument(random, 64<<10)},
		"a document of many pieces":           {randomDocument(random, 3<<20)},
		"a small one behind a large one":      {randomDocument(random, 200<<10), `{"a":1}`},
		"a large one behind a small one":      {`{"a":1}`, randomDocument(random, 200<<10)},
		"pieces that end at odd places":       slices.Collect(documents(random, 500, 1000)),
		"thousands of equal, small documents": slices.Repeat([]string{`{"a":1}`}, 20_000),
	}
	for _, compression := range []bulk.Compression{bulk.Plain, bulk.Gzip} {
		request := bulk.NewRequest(compression) // one for all: bodies must not mix
		for name, documents := range bodies {
			t.Run(fmt.Sprintf("%s/%d", name, compression), func(t *testing.T) {
				request.Reset()
				want := fill(t, request, documents)
				if got := sealed(t, request); got != want {
					t.Errorf("the body has %d bytes, %d were written", len(got), len(want))
				}
				if request.Size() != len(want) {
					t.Errorf("Size is %d, want %d", request.Size(), len(want))
				}
				for i, position := range request.Positions() {
					if int(position) != 2*i {
						t.Fatalf("item %d is of position %d", i, position)
					}
				}
				if len(request.Positions()) != len(documents) {
					t.Errorf("%d positions for %d documents", len(request.Positions()), len(documents))
				}
			})
		}
	}
}

func documents(random *rand.Rand, n, size int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for range n {
			if !yield(randomDocument(random, random.IntN(size))) {
				return
			}
		}
	}
}

func TestRequestLeavesOutWhatIsNotCommitted(t *testing.T) {
	for _, compression := range []bulk.Compression{bulk.Plain, bulk.Gzip} {
		request := bulk.NewRequest(compression)
		want := fill(t, request, []string{`{"a":1}`})
		request.Keep(append(request.Buffer(), strings.Repeat("not wanted", 50_000)...))
		if request.Size() != len(want) {
			t.Errorf("Size is %d, want %d", request.Size(), len(want))
		}
		if cap(request.Buffer()) < 500_000 {
			t.Errorf("Keep dropped the memory: %d bytes are left", cap(request.Buffer()))
		}
		if got := sealed(t, request); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGzipIsSmaller(t *testing.T) {
	request := bulk.NewRequest(bulk.Gzip)
	fill(t, request, slices.Repeat([]string{`{"message":"GET / HTTP/1.1","status":200}`}, 1000))
	sealed(t, request)
	if request.Sent()*5 > request.Size() {
		t.Errorf("%d bytes became %d", request.Size(), request.Sent())
	}
}

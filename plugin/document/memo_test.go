package document_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/plugin/document"
	"out_es/test/support"
)

// A writer remembers maps that it wrote. It must write the same as a new writer, whatever came
// before.
func TestEarlierRecordsChangeNothing(t *testing.T) {
	pod := func(name string, more ...any) []byte {
		return fields(append([]any{"pod_name", name, "labels", fields("app", name)}, more...)...)
	}
	long := strings.Repeat("long ", 4000)
	records := [][]byte{
		fields("log", "1", "kubernetes", pod("a")),
		fields("log", "2", "kubernetes", pod("a")),
		fields("log", "3", "kubernetes", pod("b")),
		fields("log", "4", "kubernetes", pod("a", "host", "n")), // begins like the first, and is longer
		fields("log", "5", "kubernetes", pod("a")),
		fields("kubernetes", pod("a"), "log", "6"),
		fields("other", pod("a"), "kubernetes", pod("b")),
		fields("log", "7", "kubernetes", fields()),
		fields("log", "8", "kubernetes", fields("k", fields())),
		fields("log", "9", "kubernetes", []byte{0x92, 1, 2}),
		fields("log", "10", "kubernetes", []byte{0x92, 1, 3}),
		fields("log", "11", "kubernetes", "no map"),
		fields("a", pod("a"), "b", pod("b"), "c", pod("c"), "d", pod("d"), "e", pod("e"), "f", pod("f")),
		fields("log", "12", "kubernetes", pod("a", "long", long)),
		fields("log", "13", "kubernetes", pod("a", "long", long)),
		fields("log", "14", "kubernetes", pod("a.b", "c.d", "esc\"aped\n")),
		fields("log", "15", "kubernetes", nest(levels, openMap, []byte{1})),
	}
	for _, dots := range []document.Dots{document.KeepDots, document.ReplaceDots} {
		o := document.Options{MetadataKey: "metadata", Dots: dots}
		w := document.NewWriter(o)
		for _, before := range records {
			for _, record := range records {
				for _, r := range [][]byte{before, record} {
					e := chunk.Event{Record: r, Metadata: fields("in", pod("m"))}
					got, _, err := w.Append(nil, &e)
					want, _, wantErr := document.NewWriter(o).Append(nil, &e)
					if err != nil || wantErr != nil || !bytes.Equal(got, want) {
						t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
					}
				}
			}
		}
	}
}

// The memory holds copies: the chunk is Fluent Bit's, and freed after the flush, and so is the
// request that the document was written to.
func TestNothingBorrowedIsRemembered(t *testing.T) {
	w := document.NewWriter(document.Options{})
	record := fields("kubernetes", fields("pod_name", "checkout"))
	e := chunk.Event{Record: slices.Clone(record)}
	out, _, err := w.Append(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	want := string(out)
	clear(e.Record)
	clear(out)
	again, _, err := w.Append(nil, &chunk.Event{Record: record})
	if err != nil || string(again) != want {
		t.Errorf("%s, %v; want %s", again, err, want)
	}
}

// Values of all sizes displace each other in the memory, in any order.
func TestMemosChangeNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, most := range []int{10, 100, 1_000, 9_000} {
		values := make([][]byte, 60)
		for i := range values {
			values[i] = fields("pod_name", fmt.Sprint("p", i%50), "text", strings.Repeat(string(rune('a'+i%26)), random.IntN(most)), "n", i)
		}
		o := document.Options{MetadataKey: "metadata"}
		w := document.NewWriter(o)
		for range 4_000 {
			one, two := random.IntN(1+random.IntN(len(values))), random.IntN(len(values))
			e := chunk.Event{Record: fields("log", "x", "a", values[one], "b", values[two], "c", values[one])}
			got, _, err := w.Append(nil, &e)
			want, _, wantErr := document.NewWriter(document.Options{MetadataKey: "metadata"}).Append(nil, &e)
			if err != nil || wantErr != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v\n%.2000s\nwant\n%.2000s", err, got, want)
			}
		}
	}
}

// A chunk with more pods than the memory holds, each of its own size, allocates nothing once the
// memory has its size.
func TestPodsThatDriveEachOtherOutAllocateNothing(t *testing.T) {
	w := document.NewWriter(document.Options{})
	dst := make([]byte, 0, 1<<20)
	var records [][]byte
	for i := range 50 {
		records = append(records, fields("log", "a", "kubernetes", fields("pod_name", fmt.Sprint("pod", i), "text", strings.Repeat("x", i*150))))
	}
	round := func() {
		for _, r := range records {
			if _, _, err := w.Append(dst[:0], &chunk.Event{Record: r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 5 {
		round()
	}
	if n := support.Allocations(10, round); n != 0 {
		t.Errorf("%v allocations for %d events, want 0", n, len(records))
	}
}

func TestMemoryOfRememberedMapsIsBounded(t *testing.T) {
	w := document.NewWriter(document.Options{})
	dst := make([]byte, 0, 1<<20)
	var records [][]byte
	for i := range 8 {
		value := fields("text", strings.Repeat(fmt.Sprint(i), 100_000))
		records = append(records, fields("log", "a", "kubernetes", value))
	}
	if n := support.Allocations(10, func() {
		for _, r := range records {
			if _, _, err := w.Append(dst[:0], &chunk.Event{Record: r}); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations: large maps are kept", n)
	}
	if _, err := msgp.Skip(records[0]); err != nil {
		t.Fatal(err)
	}
}

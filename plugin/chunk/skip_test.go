package chunk_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/test/support"
)

func TestSkipPassesOneValueOfEveryFormat(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 1<<17) // enough for any header
	for lead := range 256 {
		b := append([]byte{byte(lead), 0, 0, 0, 3}, payload...)
		want, wantErr := msgp.Skip(b)
		rest, err := chunk.Skip(b)
		if (err == nil) != (wantErr == nil) || err == nil && len(rest) != len(want) {
			t.Errorf("lead byte %#x: %d bytes left, %v; msgp has %d, %v", lead, len(rest), err, len(want), wantErr)
		}
	}
}

// A header of a hostile or broken sender must cost neither time nor memory. The test has no clock:
// without an immediate refusal it would not end.
func TestSkipRejectsImpossibleLengths(t *testing.T) {
	for _, row := range []struct {
		name  string
		value []byte
	}{
		{"a map of four billion", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}},
		{"an array of four billion", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}},
		{"a string of four gigabytes", []byte{0xdb, 0xff, 0xff, 0xff, 0xff, 'a'}},
		{"a binary of four gigabytes", []byte{0xc6, 0xff, 0xff, 0xff, 0xff, 'a'}},
		{"an ext of four gigabytes", []byte{0xc9, 0xff, 0xff, 0xff, 0xff, 0}},
		{"a map of one more than is there", []byte{0x82, 1, 2, 3}},
		{"maps of four billion in one another", bytes.Repeat([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, 1000)},
		{"arrays that are never closed", bytes.Repeat([]byte{0x91}, 1_000_000)},
		{"arrays of fifteen that are never closed", bytes.Repeat([]byte{0x9f}, 1_000_000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := chunk.Skip(row.value); !errors.Is(err, chunk.ErrTruncated) {
				t.Errorf("Skip: %v", err)
			}
			r := chunk.NewReader(concat([]byte{0x92}, eventTime(1, 2), row.value))
			if _, err := walk(&r); !errors.Is(err, chunk.ErrTruncated) {
				t.Errorf("as a record: %v", err)
			}
			r = chunk.NewReader(concat([]byte{0x92, 0x92}, eventTime(1, 2), row.value, aRecord))
			if _, err := walk(&r); !errors.Is(err, chunk.ErrTruncated) {
				t.Errorf("as metadata: %v", err)
			}
		})
	}
}

func TestSkipPassesAMillionLevelsWithoutStackOrMemory(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x91}, 1_000_000), 0xc0)
	rest, err := chunk.Skip(append(deep, "rest"...))
	if err != nil || string(rest) != "rest" {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	if n := support.Allocations(1, func() { _, _ = chunk.Skip(deep) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSkip(f *testing.F) {
	f.Add(variedChunk())
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xdc, 0, 3, 0xa1, 'a', 0xc4, 1, 0xff, 0xd4, 5, 0})
	f.Add(msgp.AppendFloat64(nil, math.Pi))
	f.Add([]byte{0xc1})
	f.Fuzz(func(t *testing.T, b []byte) {
		want, wantErr := msgp.Skip(b)
		rest, err := chunk.Skip(b)
		if errors.Is(wantErr, msgp.ErrRecursion) {
			return // msgp's limit, which does not apply to Fluent Bit's chunks
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, msgp says %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(rest, want) {
			t.Fatalf("%d bytes left, msgp leaves %d", len(rest), len(want))
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(variedChunk())
	f.Add(variedChunk()[:40])
	f.Add(concat([]byte{0x92, 0x92}, eventTime(1, 2), []byte{0xdf, 0xff, 0xff, 0xff, 0xff}))
	f.Add(concat([]byte{0xdd, 0, 0, 0, 2}, msgp.AppendFloat32(nil, 1.5), aRecord, []byte{0xc1}))
	f.Add(bytes.Repeat([]byte{0x92}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := chunk.NewReader(data)
		steps, end := walk(&r)
		if len(steps) > len(data) {
			t.Fatalf("%d values in %d bytes", len(steps), len(data))
		}
		r.Seek(chunk.Place{})
		if again, endAgain := walk(&r); len(again) != len(steps) || endAgain != end {
			t.Fatalf("%d values and %v, then %d and %v", len(steps), end, len(again), endAgain)
		}
		count := 0
		for rest := data; len(rest) > 0; count++ {
			var err error
			if rest, err = msgp.Skip(rest); errors.Is(err, msgp.ErrRecursion) {
				return
			} else if err != nil {
				break
			}
		}
		if count != len(steps) {
			t.Fatalf("%d values read, msgp sees %d", len(steps), count)
		}
	})
}

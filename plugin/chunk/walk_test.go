package chunk_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_es/plugin/chunk"
	"out_es/test/support"
)

// variedChunk has an event of every kind, and malformed values.
func variedChunk() []byte {
	deep := msgp.AppendMapHeader(nil, 3)
	deep = msgp.AppendMapHeader(msgp.AppendString(deep, "kubernetes"), 2)
	deep = msgp.AppendString(msgp.AppendString(deep, "pod_name"), "checkout-5d8f7c9b64-x2v9k")
	deep = msgp.AppendArrayHeader(msgp.AppendString(deep, "list"), 2)
	deep = msgp.AppendFloat64(msgp.AppendInt(deep, 1), 2.5)
	deep = msgp.AppendBytes(msgp.AppendString(deep, "raw"), []byte{0, 0xff})
	deep = append(msgp.AppendString(deep, "when"), eventTime(4, 5)...)
	nested, flat := layouts[0].event, layouts[1].event
	return concat(
		nested(eventTime(0xFFFFFFFF, 0), aRecord),
		nested(eventTime(1795425262, 1), deep),
		flat(msgp.AppendInt(nil, 1795425262), aRecord),
		msgp.AppendString(nil, "no event"),
		flat(msgp.AppendFloat64(nil, 1795425262.75), deep),
		nested(eventTime(2, 3), []byte{0x80}),
		nested(eventTime(0xFFFFFFFE, 0), []byte{0x80}),
	)
}

// describe returns the result of one call of Next as text.
func describe(e *chunk.Event, err error) string {
	if err != nil {
		return fmt.Sprint(e.Position, err)
	}
	return fmt.Sprint(e.Position, e.Kind, e.Time, e.Metadata, e.Record)
}

// walk reads all of data, each record cut to its bounds, and returns its steps and the final error.
func walk(r *chunk.Reader) (steps []string, end error) {
	for {
		var e chunk.Event
		err := r.Next(&e)
		if err == nil {
			err = r.Bound(&e)
		}
		if err != nil && !errors.Is(err, chunk.ErrNotAnEvent) {
			return steps, err
		}
		steps = append(steps, describe(&e, err))
	}
}

// ends returns the offsets at which the values of data end, according to msgp.
func ends(t *testing.T, data []byte) (all []int) {
	t.Helper()
	for rest := data; len(rest) > 0; {
		var err error
		if rest, err = msgp.Skip(rest); err != nil {
			t.Fatal(err)
		}
		all = append(all, len(data)-len(rest))
	}
	return all
}

func TestChunkCutAnywhereGivesTheWholeEventsBefore(t *testing.T) {
	data := variedChunk()
	r := chunk.NewReader(data)
	want, err := walk(&r)
	if err != io.EOF {
		t.Fatal(err)
	}
	all := ends(t, data)
	if len(want) != len(all) {
		t.Fatalf("%d values read, msgp sees %d", len(want), len(all))
	}
	for cut := range data {
		whole, atEnd := slices.BinarySearch(all, cut)
		if atEnd {
			whole++
		}
		// A separate copy, so that the race detector and the runtime notice a read beyond it.
		r := chunk.NewReader(slices.Clone(data[:cut]))
		steps, end := walk(&r)
		if !slices.Equal(steps, want[:whole]) {
			t.Fatalf("cut at %d: %d values %q, want %d", cut, len(steps), steps, whole)
		}
		wantEnd := chunk.ErrTruncated
		if atEnd || cut == 0 {
			wantEnd = io.EOF
		}
		if !errors.Is(end, wantEnd) {
			t.Fatalf("cut at %d ends in %v, want %v", cut, end, wantEnd)
		}
		if _, again := walk(&r); !errors.Is(again, wantEnd) {
			t.Fatalf("cut at %d: read on, it ends in %v, want %v again", cut, again, wantEnd)
		}
	}
}

func TestByteThatMsgpackNeverUsesEndsTheChunk(t *testing.T) {
	r := chunk.NewReader(concat(variedChunk(), []byte{0xc1}, variedChunk()))
	if steps, err := walk(&r); len(steps) != 7 || !errors.Is(err, chunk.ErrTruncated) {
		t.Errorf("%d values, then %v", len(steps), err)
	}
}

func TestSeekComesBackToAnyPlace(t *testing.T) {
	data := variedChunk()
	r := chunk.NewReader(data)
	var places []chunk.Place
	var e chunk.Event
	for {
		place, err := r.Place()
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, place)
		if r.Next(&e) == io.EOF {
			break
		}
	}
	r = chunk.NewReader(data)
	want, _ := walk(&r)
	for from, place := range places {
		r.Seek(place)
		if r.Position() != from {
			t.Errorf("place %d is at position %d", from, r.Position())
		}
		if got, err := walk(&r); !slices.Equal(got, want[from:]) || err != io.EOF {
			t.Errorf("from place %d: %q, %v", from, got, err)
		}
	}
	first := places[0]
	r.Seek(first)
	if err := r.Next(&e); err != nil {
		t.Fatal(err)
	}
	r.Seek(places[3]) // from a record whose end is unknown
	if got, _ := walk(&r); !slices.Equal(got, want[3:]) {
		t.Errorf("from the middle of an event to place 3: %q", got)
	}
}

func TestDoneSparesTheSecondPass(t *testing.T) {
	data := variedChunk()
	r := chunk.NewReader(data)
	var e chunk.Event
	count := 0
	for ; ; count++ {
		err := r.Next(&e)
		if err == io.EOF {
			break
		}
		if err != nil {
			continue
		}
		rest, err := msgp.Skip(e.Record) // like an encoder that walked the record
		if err != nil {
			t.Fatal(err)
		}
		r.Done(rest)
		if err := r.Bound(&e); err != nil || len(e.Record)+len(rest) > len(data) {
			t.Fatalf("bound after done: %d bytes, %v", len(e.Record), err)
		}
		if again, err := msgp.Skip(e.Record); err != nil || len(again) != 0 {
			t.Errorf("record %x is not exactly one value", e.Record)
		}
	}
	if count != 7 {
		t.Errorf("%d values", count)
	}
}

func TestBoundedRecordCannotGrowIntoTheChunk(t *testing.T) {
	data := variedChunk()
	before := slices.Clone(data)
	r := chunk.NewReader(data)
	var e chunk.Event
	if err := errors.Join(r.Next(&e), r.Bound(&e)); err != nil {
		t.Fatal(err)
	}
	_ = append(e.Record, "overwritten"...)
	if !slices.Equal(data, before) {
		t.Error("appending to a record wrote into the chunk")
	}
}

func TestWalkingAllocatesNothing(t *testing.T) {
	data := variedChunk()
	if n := support.Allocations(100, func() {
		r := chunk.NewReader(data)
		var e chunk.Event
		for r.Next(&e) != io.EOF {
			_ = r.Bound(&e)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

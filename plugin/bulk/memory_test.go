package bulk

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestResetKeepsBoundedMemory(t *testing.T) {
	noise := make([]byte, 4*keepBytes) // doesn't compress
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise)
	for _, compression := range []Compression{Plain, Gzip} {
		r := NewRequest(compression)
		if err := r.Commit(append(r.Buffer(), noise...), 0); err != nil {
			t.Fatal(err)
		}
		for position := range 2 * keepPositions {
			if err := r.Commit(append(r.Buffer(), '\n'), position); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Seal(); err != nil {
			t.Fatal(err)
		}
		r.Reset()
		if cap(r.plain) > keepBytes || cap(r.packed) > keepBytes || cap(r.positions) > keepPositions {
			t.Errorf("compression %d: %d, %d bytes and %d positions stay", compression, cap(r.plain), cap(r.packed), cap(r.positions))
		}
		if r.Size() != 0 || len(r.Positions()) != 0 || len(r.Buffer()) != 0 {
			t.Errorf("compression %d: Reset left something in it", compression)
		}
	}
}

func TestResetKeepsOrdinaryMemory(t *testing.T) {
	r := NewRequest(Plain)
	if err := r.Commit(append(r.Buffer(), make([]byte, 2<<20)...), 0); err != nil {
		t.Fatal(err)
	}
	r.Reset()
	if cap(r.Buffer()) < 2<<20 {
		t.Errorf("%d bytes stay of 2 MB", cap(r.Buffer()))
	}
}

// A request of the size that is expected grows its buffer a few times, once.
func TestARequestOfTheExpectedSizeDoesNotGrowAgain(t *testing.T) {
	for _, expected := range []int{1 << 20, 5 << 20, 20 << 20} {
		r := NewRequest(Plain)
		r.Expect(expected)
		document := make([]byte, 1000)
		grown := 0
		fill := func() {
			before := cap(r.Buffer())
			for r.Size()+len(document) <= expected {
				if err := r.Commit(append(r.Buffer(), document...), 0); err != nil {
					t.Fatal(err)
				}
				if now := cap(r.Buffer()); now != before {
					before = now
					grown++
				}
			}
			r.Keep(append(r.Buffer(), make([]byte, 100_000)...)) // the one that does not fit
			r.Reset()
		}
		fill()
		first := grown
		for range 3 {
			fill()
		}
		if grown > first || cap(r.Buffer()) > expected+2*growBytes {
			t.Errorf("%d bytes: it grew %d times, and %d times later, to %d", expected, first, grown-first, cap(r.Buffer()))
		}
	}
}

func TestAnswerReaderIsAsSmallAsItSays(t *testing.T) {
	const promised = 20 << 10
	if size := reflect.TypeFor[AnswerReader]().Size(); size > promised {
		t.Errorf("%d bytes", size)
	}
}

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

func TestAnswerReaderIsAsSmallAsItSays(t *testing.T) {
	const promised = 20 << 10
	if size := reflect.TypeFor[AnswerReader]().Size(); size > promised {
		t.Errorf("%d bytes", size)
	}
}

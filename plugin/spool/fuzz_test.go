package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzReader reads segments and checkpoints of random bytes.
func FuzzReader(f *testing.F) {
	dir := filled(f, 4)
	for _, path := range files(f, dir) {
		f.Add(contents(f, path), contents(f, filepath.Join(dir, checkpointName)))
	}
	name := filepath.Base(files(f, dir)[0])
	f.Fuzz(func(t *testing.T, segment, checkpoint []byte) {
		dir := t.TempDir()
		replace(t, filepath.Join(dir, name), segment)
		replace(t, filepath.Join(dir, checkpointName), checkpoint)
		s, err := Open(dir, small)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := s.NewReader()
		defer r.Close()
		var buffer []byte
		for steps := 0; ; steps++ {
			if steps > len(segment)+2 {
				t.Fatal("the reader does not come to an end")
			}
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.As(err, new(*Damage)) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, buffer, err = r.Load(e, buffer); err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			if cap(buffer) > 2*len(segment)+1 {
				t.Fatalf("a segment of %d bytes made a buffer of %d", len(segment), cap(buffer))
			}
		}
		if err := s.Checkpoint(Progress{Done: r.Place()}); err != nil {
			t.Fatal(err)
		}
		if s.Append(frameOf(1), BeyondLimit) != nil {
			t.Fatal("nothing can be appended")
		}
		if e, err := r.Next(); err != nil || e.Records != 1 {
			t.Fatalf("the next frame: %+v, %v", e, err)
		}
		_ = os.Remove(dir)
	})
}

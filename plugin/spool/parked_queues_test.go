package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openLater(t *testing.T, dir string) *ParkedQueues {
	t.Helper()
	l, err := OpenParkedQueues(dir, small)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func keep(t *testing.T, l *ParkedQueues, key string, frames ...int) {
	t.Helper()
	for _, n := range frames {
		if err := l.Append(key, frameOf(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting are the frames of each queue, by its key.
func waiting(t *testing.T, l *ParkedQueues) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	for _, q := range l.Queues() {
		all[q.Key] = readAll(t, q.Spool).frames
	}
	return all
}

func TestEachKeyHasAQueueOfItsOwnAcrossRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	l := openLater(t, dir)
	if got := waiting(t, l); len(got) != 0 || l.Stats() != (Stats{}) {
		t.Errorf("a new one holds %v", got)
	}
	keys := []string{"logs-a", "..", ".", "", "a/b", "Ünïcode and spaces", strings.Repeat("é", 200), strings.Repeat("é", 200) + "x", "nul\x00\xff"}
	for n, key := range keys {
		keep(t, l, key, n, n+20)
	}
	for range 2 {
		if got := len(l.Queues()); got != len(keys) {
			t.Errorf("%d queues for %d keys", got, len(keys))
		}
		for n, key := range keys {
			q := l.queues[folderOf(key)]
			if got := readAll(t, q.Spool).frames; !slices.Equal(got, []int{n, n + 20}) {
				t.Errorf("%q holds %v", key, got)
			}
			if len(key) < 100 && q.Key != key {
				t.Errorf("the key %q is told as %q", key, q.Key)
			}
			if l.Queue(key).Frames != 2 {
				t.Errorf("%q: %+v", key, l.Queue(key))
			}
		}
		if got := l.Stats(); got.Frames != 2*len(keys) || got.Oldest.IsZero() {
			t.Errorf("%+v", got)
		}
		l.Close()
		if err := l.Append("logs-a", frameOf(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		l = openLater(t, dir)
	}
	// There is nothing beside the folder.
	if beside, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); err != nil || len(beside) != 1 {
		t.Errorf("%v, %v", beside, err)
	}
}

func TestKeysBeyondTheBoundShareAQueue(t *testing.T) {
	l := openLater(t, t.TempDir())
	for n := range maxQueues + 10 {
		keep(t, l, fmt.Sprintf("key-%d", n), n)
	}
	if got := len(l.Queues()); got != maxQueues+1 {
		t.Errorf("%d queues", got)
	}
	if got := waiting(t, l)[overflowKey]; len(got) != 10 {
		t.Errorf("shared: %v", got)
	}
}

func TestAQueueThatIsDoneIsRemoved(t *testing.T) {
	l := openLater(t, t.TempDir())
	keep(t, l, "a", 1, 2)
	keep(t, l, "b", 3)
	q := l.queues[folderOf("a")]
	if l.Retire(q) {
		t.Fatal("removed though two frames wait")
	}
	if err := q.Checkpoint(Progress{Done: readAll(t, q.Spool).last}); err != nil {
		t.Fatal(err)
	}
	if !l.Retire(q) || l.Retire(q) {
		t.Error("not removed, or twice")
	}
	if _, err := os.Stat(q.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is there: %v", err)
	}
	keep(t, l, "a", 4) // a new one
	if got := waiting(t, l); len(got) != 2 || !slices.Equal(got["a"], []int{4}) {
		t.Errorf("%v", got)
	}
}

// The limit includes frames elsewhere, and a queue accepts frames from there.
func TestAReserveIsPartOfTheLimit(t *testing.T) {
	s := open(t, t.TempDir(), Options{Limit: 1000, SegmentBytes: 300})
	s.Reserve(900)
	if err := s.Append(frameOf(1), WithinLimit); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(frameOf(2), WithinLimit); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the limit: %v", err)
	}
	s.Reserve(0)
	add(t, s, 2)
}

// A sender that waits for a full request is woken when there is one, not by each frame.
func TestAddedSignalsOnceThereIsEnough(t *testing.T) {
	s := open(t, t.TempDir(), small)
	r := s.NewReader()
	defer r.Close()
	signalled := func() bool {
		select {
		case <-s.Added():
			return true
		default:
			return false
		}
	}
	add(t, s, 0)
	if signalled() {
		t.Error("a signal for nobody")
	}
	if s.Await(r, 1); !signalled() {
		t.Error("no signal for what is there")
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if s.Await(r, 1); signalled() {
		t.Error("a signal for what was read")
	}
	add(t, s, 1)
	if !signalled() {
		t.Error("no signal for what came")
	}
	if add(t, s, 2); signalled() {
		t.Error("a signal that nobody asked for")
	}
	s.Await(r, 5*headBytes) // two are there, of 48 bytes and some
	for n := 3; !signalled(); n++ {
		if n > 5 {
			t.Fatal("no signal for five frames")
		}
		if n == 5 && s.Stats().Bytes < 5*headBytes {
			t.Error("too early")
		}
		add(t, s, n)
	}
}

package pool

import (
	"runtime"
	"testing"
)

func TestPoolKeepsValuesOverCollections(t *testing.T) {
	made := 0
	list := New(2, func() *int { made++; return new(int) })
	first, second, third := list.Get(), list.Get(), list.Get()
	for _, value := range []*int{first, second, third} {
		list.Put(value)
	}
	for range 3 {
		runtime.GC()
	}
	if got := list.Get(); got != first {
		t.Error("a kept value is gone")
	}
	if got := list.Get(); got != second {
		t.Error("the second kept value is gone")
	}
	if list.Get(); made != 4 {
		t.Errorf("%d values were made: the list must keep two, and make a fourth", made)
	}
}

package guard

import (
	"testing"
	"time"
)

func TestNoPanicLeaves(t *testing.T) {
	told := make(chan any, 3)
	fault := func(problem any) { told <- problem }
	if Run(fault, func() { panic("run") }) || !Run(fault, func() {}) {
		t.Error("what Run reports")
	}
	if Run(func(any) { panic("the fault's own") }, func() { panic("run") }) {
		t.Error("what Run reports where fault panics")
	}
	Go(fault, func() { panic("go") })
	AfterFunc(time.Millisecond, fault, func() { panic("timer") })
	got := map[any]bool{<-told: true, <-told: true, <-told: true}
	if !got["run"] || !got["go"] || !got["timer"] {
		t.Errorf("told: %v", got)
	}
}

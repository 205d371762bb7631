package agent

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUOfThreads(t *testing.T) {
	before := map[int]Thread{1: {"fluent-bit", time.Second, 5}, 2: {Pipeline, time.Second, 10}, 9: {"ended", time.Hour, 1000}}
	after := map[int]Thread{1: {"fluent-bit", time.Second, 6}, 2: {Pipeline, 3 * time.Second, 30}, 3: {"new", time.Millisecond, 4}}
	if s := Between(before, after); s != (Spent{Inside: 2 * time.Second, Outside: time.Millisecond, Voluntary: 25, Threads: 3}) {
		t.Errorf("%+v", s)
	}
}

func TestThreadsOfThisProcess(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := Threads(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began, n := time.Now(), 0; time.Since(began) < 20*time.Millisecond; n++ {
		_ = time.Now() // work
	}
	time.Sleep(time.Millisecond)
	after, err := Threads(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s := Between(before, after); s.Inside != 0 || s.Outside < time.Millisecond || s.Voluntary < 1 || s.Threads < 2 {
		t.Errorf("%+v of %+v", s, after)
	}
	if _, err := Threads(1 << 30); err == nil {
		t.Error("a process that isn't there has threads")
	}
}

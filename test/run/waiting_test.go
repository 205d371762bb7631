package main

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStepThatSaysNothingShowsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := newWaiting(&out, "starting")
		time.Sleep(5 * time.Second)
		fmt.Fprintln(w, "fetched")
		time.Sleep(3 * time.Second)
		w.end()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := out.String(), "    2 s   starting\n    4 s   starting\nfetched\n    7 s   starting\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

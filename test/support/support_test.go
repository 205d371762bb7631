package support_test

import (
	"testing"
	"testing/synctest"
	"time"

	"out_es/test/support"
)

func TestLastLines(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		"one":                 "one",
		"one\ntwo":            "one\ntwo",
		"one\ntwo\nthree":     "two\nthree",
		"one\ntwo\nthree\n\n": "two\nthree",
		"one\n\nthree\n":      "\nthree",
	} {
		if got := support.LastLines(text, 2); got != want {
			t.Errorf("the last two lines of %q are %q, want %q", text, got, want)
		}
	}
}

func TestEventuallyWaitsForTheCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		support.Eventually(t, time.Minute, "half a minute passes", func() bool { return time.Since(began) >= 30*time.Second })
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("it was seen after %s", took)
		}
	})
}

// failing is a test that notes its failure instead of ending.
type failing struct {
	testing.TB
	failed bool
}

func (*failing) Helper() {}

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(f)
}

func TestEventuallyFailsAfterPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		began := time.Now()
		defer func() {
			if recover() != any(f) || !f.failed {
				t.Error("the test went on although the condition never held")
			}
			if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
				t.Errorf("it gave up after %s, not a minute", took)
			}
		}()
		support.Eventually(f, time.Minute, "never", func() bool { return false })
	})
}

func TestAwaitCountWaitsWhileTheCountGrows(t *testing.T) {
	for name, c := range map[string]struct {
		stands int // where the count stops growing
		took   time.Duration
	}{
		"it is reached, after ten minutes": {20, 10 * time.Minute},
		"it stops before":                  {15, 8*time.Minute + 30*time.Second}, // the last minute without growth
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got := support.AwaitCount(20, func() int { return min(int(time.Since(began)/(30*time.Second)), c.stands) })
				if took := time.Since(began); got != c.stands || took < c.took || took > c.took+time.Second {
					t.Errorf("it returned %d after %s, want %d after %s", got, took, c.stands, c.took)
				}
			})
		})
	}
}

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

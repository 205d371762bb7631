package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/host"
	"out_es/test/support"
)

func TestExitWaitsForWhatIsQueued(t *testing.T) {
	h := start(t, host.Options{})
	dump := filepath.Join(t.TempDir(), "dump")
	out := initialize(t, h, host.Instance{Properties: [][2]string{{"Dump", dump}}, Workers: 1})
	sendOnly, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if _, err := out.Flush(sendOnly, "sleep 20", []byte("x")); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := out.Exit(); err != nil {
		t.Error(err)
	}
	if flushed, err := os.ReadFile(dump); string(flushed) != "xxx" {
		t.Errorf("of xxx was flushed %q, %v", flushed, err)
	}
	if _, err := out.Flush(t.Context(), "late", nil); !errors.Is(err, host.ErrGone) {
		t.Errorf("after Exit: %v", err)
	}
	stop(t, h, new(support.Journal))
}

func TestTheStackIsSmallAndGuarded(t *testing.T) {
	h := start(t, host.Options{StackBytes: 64 * 1024})
	out := initialize(t, h, host.Instance{Workers: 1})
	flush(t, out, "stack 50000")
	if used := out.StackUsed(); used < 50000 || used > 64*1024 {
		t.Errorf("used %d bytes", used)
	}
	stop(t, h, new(support.Journal), out)

	h = start(t, host.Options{})
	out = initialize(t, h, host.Instance{Workers: 1})
	flush(t, out, "stack 20000")
	_, err := out.Flush(t.Context(), "stack 25000", nil)
	if crash := (*host.CrashError)(nil); !errors.As(err, &crash) {
		t.Errorf("25,000 bytes on a stack of 24 KB: %v", err)
	}
}

func TestACrashIsReportedWithTheLastLines(t *testing.T) {
	var l support.Journal
	h := start(t, host.Options{Log: &l})
	out := initialize(t, h, host.Instance{Properties: [][2]string{{"Show", "Hosts"}}, Workers: 2})
	waiting := make(chan error, 1)
	go func() {
		_, err := out.Flush(t.Context(), "sleep 60000", nil)
		waiting <- err
	}()
	_, err := out.Flush(t.Context(), "crash", nil)
	for _, err := range []error{err, <-waiting, out.Exit(), h.Close()} {
		crash := (*host.CrashError)(nil)
		if !errors.As(err, &crash) {
			t.Fatalf("got %v", err)
		}
		wantIn(t, crash.Error(), "segmentation fault", "Hosts is absent")
	}
}

func TestTheChildEndsWithItsContext(t *testing.T) {
	so, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	h, err := host.Start(ctx, host.Options{Plugin: so})
	if err != nil {
		t.Fatal(err)
	}
	out := initialize(t, h, host.Instance{})
	enough := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
	if _, err := out.Flush(t.Context(), "sleep 60000", nil); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

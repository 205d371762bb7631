package elasticsearch

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_es/test/support"
)

func distributionForTest(t *testing.T) (distribution, jdk) {
	t.Helper()
	d, err := findDistribution(DefaultVersion, false)
	if err != nil {
		t.Fatal(err)
	}
	java, err := hostJDKs().find(d.minJava)
	if err == nil {
		_, err = findMaven()
	}
	if err != nil {
		t.Skip(err)
	}
	return d, java
}

// locked makes a buffer safe for two goroutines.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func TestTwoPrepareAtOnceAfterAnInterruptedTry(t *testing.T) {
	support.LongForm(t)
	d, java := distributionForTest(t)
	home := filepath.Join(t.TempDir(), "node")
	litter := filepath.Join(home+".partial", "jars", "half.jar")
	if err := os.MkdirAll(filepath.Dir(litter), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(litter, []byte("half a jar"), 0o644); err != nil {
		t.Fatal(err)
	}

	var progress locked
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := prepare(t.Context(), d, java, home, &progress); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if fetched := strings.Count(progress.String(), "Fetching"); fetched != 1 {
		t.Errorf("fetched %d times", fetched)
	}
	if isFile(filepath.Join(home, "jars", "half.jar")) || !isFile(filepath.Join(home, "modules", nettyModule, "plugin-descriptor.properties")) {
		t.Errorf("%s isn't what a fresh preparation makes", home)
	}
}

func TestAFailedPreparationLeavesNothingThatLooksFinished(t *testing.T) {
	d, java := distributionForTest(t)
	d.version = "0.0.0-none"
	home := filepath.Join(t.TempDir(), "node")
	err := prepare(t.Context(), d, java, home, &locked{})
	if err == nil || !strings.Contains(err.Error(), "0.0.0-none") || !strings.Contains(err.Error(), "Maven") {
		t.Errorf("got %v", err)
	}
	if isPrepared(home) {
		t.Error("the folder is there all the same")
	}
}

func TestADamagedJarIsFound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "half.jar"), []byte("PK\x03\x04 and no end"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkJars(dir); err == nil || !strings.Contains(err.Error(), "half.jar is damaged") {
		t.Errorf("got %v", err)
	}
}

func TestLockWaitsNoLongerThanItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock while the first is held: %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"out_es/test/host"
)

func TestLoadErrorsHaveTheReason(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.so")
	if out, err := exec.Command("cc", "-shared", "-o", empty, "-x", "c", os.DevNull).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]string{"no_such.so": "cannot open shared object file", empty: "FLBPluginRegister is not exported"} {
		if _, err := host.Start(t.Context(), host.Options{Plugin: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheHostIsCompiledOnceAndSafely(t *testing.T) {
	so, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			h, err := host.Start(t.Context(), host.Options{Plugin: so})
			if err != nil {
				t.Error(err)
				return
			}
			h.Close()
		})
	}
	all.Wait()

	t.Setenv("CC", "no-such-compiler")
	_, err = host.Start(t.Context(), host.Options{Plugin: so})
	if err == nil || !strings.Contains(err.Error(), "apt-get install") || !strings.Contains(err.Error(), "xcode-select") {
		t.Errorf("without a compiler: %v", err)
	}
	var left []string
	filepath.WalkDir(cache, func(path string, entry os.DirEntry, _ error) error {
		if !entry.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	if len(left) != 1 {
		t.Errorf("left in the cache: %v", left)
	}
}

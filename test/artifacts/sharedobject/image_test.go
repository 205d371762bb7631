package sharedobject_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"out_es/test/artifacts/sharedobject"
)

// each runs a check of every plugin that was built: the ordinary one and that for AWS.
func each(t *testing.T, check func(t *testing.T, path string, facts *sharedobject.Facts)) {
	t.Helper()
	paths, err := sharedobject.AllFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("OUT_ES_SO and OUT_ES_AWS_SO name no plugin: make test does")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			facts, err := sharedobject.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			check(t, path, facts)
		})
	}
}

// TestItLoadsInTheImage compares the plugin with the official image. The build machine may have a
// newer C library: then the plugin is for this machine only, and `make dist` on Debian 12, or the
// Dockerfile, builds one for all.
func TestItLoadsInTheImage(t *testing.T) {
	if here := machineGLIBC(t); sharedobject.Newer(here, sharedobject.ImageGLIBC) {
		t.Skipf("this machine's C library is %s, newer than the image's %s: a plugin built here need not load there", here, sharedobject.ImageGLIBC)
	}
	each(t, func(t *testing.T, _ string, facts *sharedobject.Facts) {
		for _, fault := range facts.Unfit() {
			t.Error(fault)
		}
	})
}

// TestUnfit shows that each of the checks can fail.
func TestUnfit(t *testing.T) {
	each(t, func(t *testing.T, _ string, fit *sharedobject.Facts) {
		if got := fit.Unfit(); sharedobject.Newer(sharedobject.ImageGLIBC, fit.GLIBC) && len(got) != 0 {
			t.Fatal(got)
		}
		for want, change := range map[string]func(*sharedobject.Facts){
			"it needs libssl.so.3":   func(f *sharedobject.Facts) { f.Needed = append(slices.Clone(f.Needed), "libssl.so.3") },
			"it asks for no version": func(f *sharedobject.Facts) { f.GLIBC = "" },
			"it asks for GLIBC_2.38": func(f *sharedobject.Facts) { f.GLIBC = "2.38" },
			"it does not export FLBPluginInit": func(f *sharedobject.Facts) {
				f.Exports = slices.DeleteFunc(slices.Clone(f.Exports), func(name string) bool { return name == "FLBPluginInit" })
			},
			"it exports FLBPluginFlush": func(f *sharedobject.Facts) { f.Exports = append(slices.Clone(f.Exports), "FLBPluginFlush") },
		} {
			facts := *fit
			change(&facts)
			if !slices.ContainsFunc(facts.Unfit(), func(fault string) bool { return strings.HasPrefix(fault, want) }) {
				t.Errorf("%q is not found: %q", want, facts.Unfit())
			}
		}
	})
}

func TestModulesAndGoVersionAreThoseOfTheBuild(t *testing.T) {
	each(t, func(t *testing.T, path string, facts *sharedobject.Facts) {
		if facts.Go != runtime.Version() {
			t.Errorf("it was built with %s, here is %s", facts.Go, runtime.Version())
		}
		linked := func(prefix string) bool {
			return slices.ContainsFunc(facts.Modules, func(m string) bool { return strings.HasPrefix(m, prefix) })
		}
		if !linked("github.com/fluent/fluent-bit-go@v0.0.0-20230731") {
			t.Errorf("fluent-bit-go is not the version whose structs fit every Fluent Bit: %v", facts.Modules)
		}
		if forAWS := filepath.Base(path) == "out_es_aws.so"; linked("github.com/aws/") != forAWS {
			t.Errorf("AWS's SDK is for out_es_aws.so, and for that alone: %v", facts.Modules)
		}
	})
}

func TestNewer(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{{"2.36", "2.4", true}, {"2.4", "2.36", false}, {"2.34", "2.34", false}, {"2.34.1", "2.34", true}, {"2.2.5", "", true}, {"", "2.2.5", false}} {
		if got := sharedobject.Newer(row.a, row.b); got != row.want {
			t.Errorf("%q newer than %q: %v", row.a, row.b, got)
		}
	}
}

func TestFilesThatAreNoSharedObjects(t *testing.T) {
	for _, path := range []string{"none.so", "image_test.go"} {
		if f, err := sharedobject.Read(path); err == nil {
			t.Errorf("%s was read: %+v", path, f)
		}
	}
}

// machineGLIBC is the version of this machine's C library.
func machineGLIBC(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("getconf", "GNU_LIBC_VERSION").Output()
	if err != nil {
		t.Skipf("this machine has no GNU C library: %v", err)
	}
	return regexp.MustCompile(`[0-9.]+`).FindString(string(out))
}

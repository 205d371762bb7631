package sharedobject_test

import (
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"out_es/test/sharedobject"
)

// imageGLIBC is the C library of the oldest official image of Fluent Bit that the plugin is for: Debian 12's, up to Fluent Bit 4.2.0;
// later ones have Debian 13's 2.41.
const imageGLIBC = "2.36"

// abi is what Fluent Bit looks up in a plugin (src/proxy/go/go.c).
var abi = []string{"FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister"}

func read(t *testing.T) *sharedobject.Facts {
	t.Helper()
	path, err := sharedobject.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if path == "" {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	facts, err := sharedobject.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestItLoadsInTheImage holds the plugin to what is in the official image, which has hardly more than a C library. The build machine
// may have a newer one: then the plugin is for that machine, and `make dist` or the Dockerfile make one for all.
func TestItLoadsInTheImage(t *testing.T) {
	facts := read(t)
	for _, library := range facts.Needed {
		if !slices.Contains([]string{"libc.so.6", "libresolv.so.2", "libpthread.so.0", "libdl.so.2"}, library) {
			t.Errorf("it needs %s, which the official image may not have", library)
		}
	}
	if facts.GLIBC == "" {
		t.Error("it asks for no version of the C library: the check looks at nothing")
	}
	if here := machineGLIBC(t); sharedobject.Newer(here, imageGLIBC) {
		t.Skipf("this machine's C library is %s, newer than the image's %s: a plugin built here need not load there", here, imageGLIBC)
	}
	if sharedobject.Newer(facts.GLIBC, imageGLIBC) {
		t.Errorf("it asks for GLIBC_%s, the image has %s", facts.GLIBC, imageGLIBC)
	}
}

func TestItExportsTheABI(t *testing.T) {
	facts := read(t)
	for _, name := range abi {
		if !slices.Contains(facts.Exports, name) {
			t.Errorf("it does not export %s", name)
		}
	}
	// FLBPluginFlush and FLBPluginExit would be called in place of those with a context, for all instances alike.
	for _, name := range []string{"FLBPluginFlush", "FLBPluginExit", "FLBPluginPreRegister", "FLBPluginInputCallback"} {
		if slices.Contains(facts.Exports, name) {
			t.Errorf("it exports %s", name)
		}
	}
}

func TestItSaysWhatItIsMadeOf(t *testing.T) {
	facts := read(t)
	if facts.Go != runtime.Version() {
		t.Errorf("it was built with %s, here is %s", facts.Go, runtime.Version())
	}
	if !slices.ContainsFunc(facts.Modules, func(m string) bool { return strings.HasPrefix(m, "github.com/fluent/fluent-bit-go@v0.0.0-20230731") }) {
		t.Errorf("fluent-bit-go is not the version whose structs fit every Fluent Bit: %v", facts.Modules)
	}
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

func TestWhatIsNoSharedObject(t *testing.T) {
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

package sharedobject_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"out_es/test/artifacts/sharedobject"
)

// These ceilings only ever go down.
const (
	// ceilingBytes is the bar (docs/adr/0020 and 0030 have its parts).
	ceilingBytes = 9_500_000
	// ceilingAWSBytes bounds the variant that has AWS's SDK.
	ceilingAWSBytes = 13_000_000
	// ceilingGLIBC is older than the C library of any image: RHEL 9 and Ubuntu
	// 22.04 have it, too.
	ceilingGLIBC = "2.34"
)

func TestItStaysSmall(t *testing.T) {
	each(t, func(t *testing.T, path string, facts *sharedobject.Facts) {
		ceiling := int64(ceilingBytes)
		if filepath.Base(path) == "out_es_aws.so" {
			ceiling = ceilingAWSBytes
		}
		if facts.Bytes > ceiling {
			t.Errorf("the plugin has %d bytes, the ceiling is %d: what was linked in anew? (go tool nm -size -sort size, of a build without -s -w)", facts.Bytes, ceiling)
		}
	})
}

func TestItNeedsNothingButAnOldCLibrary(t *testing.T) {
	each(t, func(t *testing.T, _ string, facts *sharedobject.Facts) {
		if !slices.Equal(facts.Needed, []string{"libc.so.6"}) {
			t.Errorf("it needs %v, and should need the C library only", facts.Needed)
		}
		if sharedobject.Newer(facts.GLIBC, ceilingGLIBC) {
			t.Errorf("it asks for GLIBC_%s, and should for nothing newer than %s", facts.GLIBC, ceilingGLIBC)
		}
	})
}

// exportable are the symbols that a plugin may export: Fluent Bit's five functions, cgo's own
// (fatalf is runtime/cgo's), and the one C function of fluent-bit-go. Any other could collide with
// a symbol of Fluent Bit, whose own are all in the same space.
var exportable = regexp.MustCompile(`^(FLBPlugin(Register|Init|FlushCtx|ExitCtx|Unregister)|_?_cgo_\w+|_cgoexp_\w+|crosscall\w*|x_cgo_\w+|fatalf|output_get_property)$`)

func TestItExportsNothingElse(t *testing.T) {
	each(t, func(t *testing.T, _ string, facts *sharedobject.Facts) {
		for _, name := range facts.Exports {
			if !exportable.MatchString(name) {
				t.Errorf("it exports %s, which nobody calls", name)
			}
		}
	})
}

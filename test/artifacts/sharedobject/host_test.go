package sharedobject_test

import (
	"debug/elf"
	"strings"
	"testing"

	"out_es/test/artifacts/sharedobject"
)

// TestNothingOfFluentBitIsNeededToLoad: the plugin resolves Fluent Bit's functions by name at run
// time, so that a version without them can load it all the same.
func TestNothingOfFluentBitIsNeededToLoad(t *testing.T) {
	each(t, func(t *testing.T, path string, _ *sharedobject.Facts) {
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		symbols, err := file.ImportedSymbols()
		if err != nil || len(symbols) == 0 {
			t.Fatalf("%d imported symbols, %v", len(symbols), err)
		}
		for _, symbol := range symbols {
			for _, prefix := range []string{"flb_", "cmt_", "cfl_", "msgpack_", "mk_"} {
				if strings.HasPrefix(symbol.Name, prefix) {
					t.Errorf("it can't be loaded where there is no %s", symbol.Name)
				}
			}
		}
	})
}

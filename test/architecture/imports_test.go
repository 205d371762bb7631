// Package architecture holds the rules that docs/architecture.md states about
// the shape of the code, as tests.
package architecture

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists what each room may import of this module. A room that is not
// here may import nothing of ours: the way of the data goes one way.
var mayImport = map[string][]string{
	"out_es":                                {"plugin", "plugin/fluentbit"},
	"out_es/plugin":                         {"plugin/bulk", "plugin/deliver", "plugin/drain", "plugin/elastic", "plugin/fluentbit", "plugin/guard", "plugin/report", "plugin/reuse", "plugin/settings", "plugin/source", "plugin/template"},
	"out_es/plugin/settings":                {"plugin/address", "plugin/aws", "plugin/bulk", "plugin/chunk", "plugin/config", "plugin/deadletter", "plugin/deliver", "plugin/document", "plugin/drain", "plugin/elastic", "plugin/report", "plugin/source", "plugin/spool", "plugin/template"},
	"out_es/plugin/drain":                   {"plugin/bulk", "plugin/deliver", "plugin/guard", "plugin/report", "plugin/source", "plugin/spool"},
	"out_es/plugin/source":                  {"plugin/address", "plugin/bulk", "plugin/chunk", "plugin/deadletter", "plugin/deliver", "plugin/document", "plugin/report"},
	"out_es/plugin/report":                  {"plugin/bulk", "plugin/deliver", "plugin/document", "plugin/elastic", "plugin/fluentbit", "plugin/guard", "plugin/spool", "plugin/template"},
	"out_es/plugin/document":                {"plugin/chunk", "plugin/jsontext"},
	"out_es/plugin/address":                 {"plugin/chunk", "plugin/jsontext"},
	"out_es/plugin/deliver":                 {"plugin/bulk"},
	"out_es/plugin/elastic":                 {"plugin/bulk", "plugin/reuse", "plugin/template"},
	"out_es/plugin/template":                {"plugin/bulk"},
	"out_es/plugin/deadletter":              {"plugin/filelimit", "plugin/jsontext"},
	"out_es/plugin/aws":                     {},
	"out_es/plugin/bulk":                    {},
	"out_es/plugin/chunk":                   {},
	"out_es/plugin/config":                  {},
	"out_es/plugin/fluentbit":               {"plugin/guard"},
	"out_es/plugin/fluentbit/fluentbittest": {"plugin/fluentbit"},
	"out_es/plugin/reuse":                   {},
	"out_es/plugin/spool":                   {"plugin/filelimit"},
	"out_es/plugin/guard":                   {},
	"out_es/plugin/filelimit":               {},
	"out_es/plugin/jsontext":                {},
	"out_es/lint/migrate":                   {},
	"out_es/lint/sections":                  {},
	"out_es/lint":                           {"lint/migrate", "lint/sections", "plugin/config", "plugin/settings"},
	"out_es/cmd/out_es-lint":                {"lint"},
	"out_es/release":                        {},
}

// enters says through which rooms a third-party module comes in, and why no
// other room may have it.
var enters = map[string]struct {
	rooms []string
	why   string
}{
	"github.com/CycloneDX/":            {[]string{"out_es/release"}, "it is the bill of materials, and not part of the shared object"},
	"go.yaml.in/yaml/":                 {[]string{"out_es/lint", "out_es/lint/sections"}, "it is the linter's, and not part of the shared object"},
	"github.com/fluent/fluent-bit-go/": {[]string{"out_es"}, "it is the ABI"},
	"github.com/elastic/":              {[]string{"out_es/plugin/elastic"}, "it is HTTP, which only elastic knows"},
	"github.com/youmark/pkcs8":         {[]string{"out_es/plugin/elastic"}, "it is keys for TLS"},
	"github.com/json-iterator/":        {[]string{"out_es/plugin/elastic"}, "it uses reflection, which the data path does not"},
	"github.com/klauspost/":            {[]string{"out_es/plugin/bulk"}, "it is how bodies travel"},
	"github.com/cenkalti/":             {[]string{"out_es/plugin/deliver"}, "one loop retries"},
	"github.com/tinylib/msgp/":         {[]string{"out_es/plugin/chunk", "out_es/plugin/document"}, "it is msgpack"},
	"github.com/lestrrat-go/strftime":  {[]string{"out_es/plugin/address", "out_es/plugin/document"}, "it is dates"},
	"golang.org/x/sys/":                {[]string{"out_es/plugin/spool"}, "it is the system call that writes a chunk without copying it"},
	"github.com/zeebo/xxh3":            {[]string{"out_es/plugin/address", "out_es/plugin/deliver"}, "it names events and chunks"},
}

// unsafeRooms are the only ones with cgo or unsafe, so that all others are
// built and tested without a C compiler.
var unsafeRooms = []string{"out_es", "out_es/plugin/fluentbit"}

type pkg struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func rooms(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "out_es", "out_es/plugin/...", "out_es/lint/...", "out_es/cmd/...", "out_es/release").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p pkg
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestImportsPointOneWay(t *testing.T) {
	for _, room := range rooms(t) {
		allowed, known := mayImport[room.ImportPath]
		if !known {
			t.Errorf("%s is a new room: say in mayImport, and in docs/architecture.md, what it may import", room.ImportPath)
		}
		for _, path := range room.Imports {
			inner, ours := strings.CutPrefix(path, "out_es/")
			if ours && !slices.Contains(allowed, inner) {
				t.Errorf("%s must not import %s", room.ImportPath, path)
			}
		}
	}
}

func TestModulesEnterByTheirRoom(t *testing.T) {
	for _, room := range rooms(t) {
		for _, path := range room.Imports {
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			found := false
			for module, entry := range enters {
				if strings.HasPrefix(path, module) {
					found = true
					if !slices.Contains(entry.rooms, room.ImportPath) {
						t.Errorf("%s must not import %s: %s, so it enters by %v", room.ImportPath, path, entry.why, entry.rooms)
					}
				}
			}
			if !found {
				t.Errorf("%s imports %s: say in enters by which room it comes in, and why", room.ImportPath, path)
			}
		}
	}
}

func TestUnsafeStaysAtTheEdge(t *testing.T) {
	for _, room := range rooms(t) {
		if slices.Contains(unsafeRooms, room.ImportPath) {
			continue
		}
		if len(room.CgoFiles) > 0 || slices.Contains(room.Imports, "unsafe") {
			t.Errorf("%s uses cgo or unsafe", room.ImportPath)
		}
	}
}

// dataPath says which rooms every record goes through, and what none of their
// files may import: what works by reflection. Those that read templates or
// name errors, which happens once, may have fmt.
var dataPath = map[string][]string{
	"out_es/plugin/document": {"reflect", "encoding/json", "fmt"},
	"out_es/plugin/jsontext": {"reflect", "encoding/json", "fmt"},
	"out_es/plugin/reuse":    {"reflect", "encoding/json", "fmt"},
	"out_es/plugin/chunk":    {"reflect", "encoding/json"},
	"out_es/plugin/address":  {"reflect", "encoding/json"},
	"out_es/plugin/spool":    {"reflect", "encoding/json"},
	"out_es/plugin/deliver":  {"reflect", "encoding/json"},
	"out_es/plugin/bulk":     {"reflect"}, // json.Valid decides about numbers of odd shape in an answer
	"out_es/plugin/source":   {"reflect", "encoding/json"},
	"out_es/plugin/drain":    {"reflect", "encoding/json"},
	"out_es/plugin/report":   {"reflect", "encoding/json"},
	"out_es/plugin":          {"reflect", "encoding/json"},
}

func TestDataPathHasNoReflection(t *testing.T) {
	found := 0
	for _, room := range rooms(t) {
		banned, isData := dataPath[room.ImportPath]
		if !isData {
			continue
		}
		found++
		for _, path := range append(banned, "encoding/gob", "encoding/xml", "text/template") {
			if slices.Contains(room.Imports, path) {
				t.Errorf("%s imports %s, which works by reflection: every record goes through this room", room.ImportPath, path)
			}
		}
	}
	if found != len(dataPath) {
		t.Errorf("%d of %d rooms of the data path are there: correct dataPath", found, len(dataPath))
	}
}

// TestTheOrdinaryBuildHasNoSDK keeps AWS's SDK in out_es_aws.so.
func TestTheOrdinaryBuildHasNoSDK(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "aws": true} {
		out, err := exec.Command("go", "list", "-tags", tags, "-deps", "out_es").Output()
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(out), "github.com/aws/"); has != want {
			t.Errorf("with the tags %q the plugin links AWS's SDK: %v", tags, has)
		}
	}
}

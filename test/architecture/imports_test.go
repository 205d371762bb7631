// Package architecture has the rules of docs/architecture.md about the shape of the code, as tests.
package architecture

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// enters has the packages through which a third-party module comes in, with the reason why no other
// package may use it.
var enters = map[string]struct {
	packages []string
	why      string
}{
	"github.com/CycloneDX/":            {[]string{"out_es/release"}, "it is the bill of materials, and not part of the shared object"},
	"github.com/spf13/":                {[]string{"out_es/tool"}, "it is command lines, and not part of the shared object"},
	"github.com/fatih/":                {[]string{"out_es/tool"}, "it is colours, and not part of the shared object"},
	"github.com/schollz/":              {[]string{"out_es/tool"}, "it is progress bars, and not part of the shared object"},
	"github.com/mattn/":                {[]string{"out_es/tool"}, "it is terminals, and not part of the shared object"},
	"go.yaml.in/yaml/":                 {[]string{"out_es/lint", "out_es/lint/sections"}, "it is the linter's, and not part of the shared object"},
	"github.com/fluent/fluent-bit-go/": {[]string{"out_es"}, "it is the ABI"},
	"github.com/elastic/":              {[]string{"out_es/plugin/elastic"}, "it is HTTP, which only elastic knows"},
	"github.com/youmark/pkcs8":         {[]string{"out_es/plugin/elastic"}, "it is keys for TLS"},
	"github.com/json-iterator/":        {[]string{"out_es/plugin/elastic"}, "it uses reflection, which the data path does not"},
	"github.com/klauspost/":            {[]string{"out_es/plugin/bulk"}, "it is how bodies travel"},
	"github.com/cenkalti/":             {[]string{"out_es/plugin/deliver"}, "one loop retries"},
	"github.com/tinylib/msgp/":         {[]string{"out_es/plugin/chunk", "out_es/plugin/document", "out_es/tool/preview"}, "it is msgpack"},
	"github.com/lestrrat-go/strftime":  {[]string{"out_es/plugin/address", "out_es/plugin/document"}, "it is dates"},
	"golang.org/x/sys/":                {[]string{"out_es/plugin/exchange", "out_es/plugin/spool"}, "it is two system calls: one writes a chunk without copying it, the other waits for an answer"},
	"github.com/zeebo/xxh3":            {[]string{"out_es/plugin/address", "out_es/plugin/deliver"}, "it names events and chunks"},
}

// unsafePackages are the only ones with cgo or unsafe, so that all others are
// built and tested without a C compiler.
var unsafePackages = []string{"out_es", "out_es/plugin/fluentbit"}

type pkg struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "out_es", "out_es/plugin/...", "out_es/lint/...", "out_es/tool/...", "out_es/cmd/...", "out_es/release").Output()
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

// row is a line of the page's table of packages.
type row struct {
	path    string   // of the package
	imports []string // of ours
}

var code = regexp.MustCompile("`([^`]+)`")

// table reads the rows of docs/architecture.md that begin a line with a package's name, under a
// heading of columns.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), heading+"\n")
	if !found {
		t.Fatalf("docs/architecture.md has no table %q", heading)
	}
	var rows [][]string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"))
		}
	}
	return rows
}

// rules are the page's: the packages of this module that each may import, from the top of the table
// to its end.
func rules(t *testing.T) (all []row) {
	t.Helper()
	for _, cells := range table(t, "| package | purpose | imports of ours |") {
		if len(cells) != 3 {
			t.Fatalf("a row of docs/architecture.md has %d cells: %v", len(cells), cells)
		}
		name := strings.Trim(cells[0], " `")
		r := row{path: "out_es/" + name}
		if name == "out_es.go" {
			r.path = "out_es"
		}
		for _, match := range code.FindAllStringSubmatch(cells[2], -1) {
			if name == "plugin" || strings.HasPrefix(name, "plugin/") {
				match[1] = "plugin/" + match[1]
			}
			r.imports = append(r.imports, "out_es/"+match[1])
		}
		all = append(all, r)
	}
	return all
}

func TestImportsAreThoseOfThePage(t *testing.T) {
	want := map[string][]string{}
	for _, r := range rules(t) {
		want[r.path] = r.imports
	}
	for _, p := range packages(t) {
		allowed, known := want[p.ImportPath]
		if !known {
			t.Errorf("%s is a new package: docs/architecture.md needs a row for it, with what it may import", p.ImportPath)
		}
		delete(want, p.ImportPath)
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "out_es/") && !slices.Contains(allowed, path) {
				t.Errorf("%s must not import %s", p.ImportPath, path)
			}
		}
		for _, path := range allowed {
			// AWS's signatures enter with a build tag.
			if !slices.Contains(p.Imports, path) && path != "out_es/plugin/aws" {
				t.Errorf("docs/architecture.md lets %s import %s, which it does not", p.ImportPath, path)
			}
		}
	}
	for path := range want {
		t.Errorf("docs/architecture.md has a row for %s, which is no package", path)
	}
}

func TestImportsPointOneWay(t *testing.T) {
	above := map[string]bool{}
	for _, r := range rules(t) {
		above[r.path] = true
		for _, path := range r.imports {
			if above[path] {
				t.Errorf("%s imports %s, which stands above it in docs/architecture.md", r.path, path)
			}
		}
	}
}

// TestEveryFolderOfTestsIsNamed compares the folders of test/ that hold Go code with the page's
// table of them.
func TestEveryFolderOfTestsIsNamed(t *testing.T) {
	out, err := exec.Command("go", "list", "out_es/test/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, cells := range table(t, "| tests | purpose |") {
		named[strings.Trim(cells[0], " `")] = true
	}
	if len(named) == 0 {
		t.Fatal("docs/architecture.md names no folders of tests")
	}
	found := map[string]bool{}
	for path := range strings.FieldsSeq(string(out)) {
		folder := "test/" + strings.Split(path, "/")[2]
		if found[folder] = true; !named[folder] {
			t.Errorf("docs/architecture.md does not name %s", folder)
		}
	}
	for folder := range named {
		if !found[folder] {
			t.Errorf("docs/architecture.md names %s, which holds no Go code", folder)
		}
	}
}

func TestModulesEnterByTheirRoom(t *testing.T) {
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			found := false
			for module, entry := range enters {
				if strings.HasPrefix(path, module) {
					found = true
					if !slices.Contains(entry.packages, p.ImportPath) {
						t.Errorf("%s must not import %s: %s, so it enters by %v", p.ImportPath, path, entry.why, entry.packages)
					}
				}
			}
			if !found {
				t.Errorf("%s imports %s: say in enters by which package it comes in, and why", p.ImportPath, path)
			}
		}
	}
}

func TestUnsafeStaysAtTheEdge(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(unsafePackages, p.ImportPath) {
			continue
		}
		if len(p.CgoFiles) > 0 || slices.Contains(p.Imports, "unsafe") {
			t.Errorf("%s uses cgo or unsafe", p.ImportPath)
		}
	}
}

// dataPath has the packages that every record goes through, and the packages that they must not
// import, because of reflection. Packages that read templates or name errors, which happens once,
// may use fmt.
var dataPath = map[string][]string{
	"out_es/plugin/document": {"reflect", "encoding/json", "fmt"},
	"out_es/plugin/jsontext": {"reflect", "encoding/json", "fmt"},
	"out_es/plugin/pool":     {"reflect", "encoding/json", "fmt"},
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
	for _, p := range packages(t) {
		banned, isData := dataPath[p.ImportPath]
		if !isData {
			continue
		}
		found++
		for _, path := range append(banned, "encoding/gob", "encoding/xml", "text/template") {
			if slices.Contains(p.Imports, path) {
				t.Errorf("%s imports %s, which works by reflection: every record goes through this package", p.ImportPath, path)
			}
		}
	}
	if found != len(dataPath) {
		t.Errorf("%d of %d packages of the data path are there: correct dataPath", found, len(dataPath))
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

// TestThePluginLinksNoneOfTheTool keeps the libraries of command lines out of the shared objects.
func TestThePluginLinksNoneOfTheTool(t *testing.T) {
	for _, tags := range []string{"", "aws"} {
		out, err := exec.Command("go", "list", "-tags", tags, "-deps", "out_es").Output()
		if err != nil {
			t.Fatal(err)
		}
		for path := range strings.FieldsSeq(string(out)) {
			for module, entry := range enters {
				if strings.HasPrefix(path, module) && strings.HasPrefix(entry.packages[0], "out_es/tool") {
					t.Errorf("with the tags %q the plugin links %s: %s", tags, path, entry.why)
				}
			}
			if strings.HasPrefix(path, "out_es/tool") || strings.HasPrefix(path, "out_es/lint") {
				t.Errorf("with the tags %q the plugin links %s", tags, path)
			}
		}
	}
}

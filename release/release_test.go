package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"

	"out_es/test/artifacts/sharedobject"
)

// TestAllThatIsLinkedInIsNamed holds bill and notices to the plugins that "make test" has built.
func TestAllThatIsLinkedInIsNamed(t *testing.T) {
	files, err := sharedobject.AllFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	folder := t.TempDir()
	sbom, licences := filepath.Join(folder, "sbom"), filepath.Join(folder, "notices")
	if err := run("1.2.3", sbom, licences, files); err != nil {
		t.Fatal(err)
	}
	bom := readBill(t, sbom)
	if c := bom.Metadata.Component; c.Name != "out_es" || c.Version != "1.2.3" {
		t.Errorf("it is the bill of %s %s", c.Name, c.Version)
	}
	text := string(read(t, licences))
	// Apache's licence asks for the notices, not for itself alone.
	if !strings.Contains(text, "elastic/go-elasticsearch") || !strings.Contains(text, ": NOTICE") {
		t.Error("the notices lack a NOTICE")
	}
	linked := map[string]bool{}
	for _, file := range files {
		facts, err := sharedobject.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, m := range append(facts.Modules, "std@"+facts.Go) {
			linked[m], want = true, append(want, "pkg:golang/"+m)
			path, version, _ := strings.Cut(m, "@")
			if !strings.Contains(text, "\n"+path+" "+version+": LICENSE") {
				t.Errorf("the notices lack the licence of %s", m)
			}
		}
		name := filepath.Base(file)
		got := dependencies(bom, name)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s depends on\n%q, linked into it are\n%q", name, got, want)
		}
		if hashes := component(t, bom, name).Hashes; (*hashes)[0].Value != fmt.Sprintf("%x", sha256.Sum256(read(t, file))) {
			t.Errorf("%s has another hash than %v", name, *hashes)
		}
	}
	for m := range linked {
		if c := component(t, bom, "pkg:golang/"+m); (*c.Licenses)[0].License.ID == "" {
			t.Errorf("%s has no licence", m)
		}
	}
	if got, want := len(*bom.Components), len(linked)+len(files); got != want {
		t.Errorf("%d components are named, there are %d", got, want)
	}
	again := filepath.Join(folder, "again")
	if err := run("1.2.3", again, licences, files); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, sbom), read(t, again); !bytes.Equal(a, b) {
		t.Error("two bills of the same build differ")
	}
}

func dependencies(bom *cyclonedx.BOM, reference string) []string {
	for _, d := range *bom.Dependencies {
		if d.Ref == reference {
			return slices.Clone(*d.Dependencies)
		}
	}
	return nil
}

func component(t *testing.T, bom *cyclonedx.BOM, reference string) cyclonedx.Component {
	t.Helper()
	for _, c := range *bom.Components {
		if c.BOMRef == reference {
			return c
		}
	}
	t.Fatalf("the bill of materials lacks %s", reference)
	return cyclonedx.Component{}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readBill(t *testing.T, path string) *cyclonedx.BOM {
	t.Helper()
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(read(t, path)), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

func TestIdentify(t *testing.T) {
	const redistribution = "Redistributions in binary form must reproduce the above copyright notice. "
	for text, want := range map[string]string{
		"Apache License\n    Version 2.0, January 2004":                "Apache-2.0",
		"Permission is hereby granted,\nfree of charge, to any person": "MIT",
		redistribution + "Neither the name of Google":                  "BSD-3-Clause",
		redistribution: "BSD-2-Clause",
		redistribution + "Neither the name of X. Apache License Version 2.0":    "BSD-3-Clause",
		"Permission is hereby granted, free of charge, and " + redistribution:   "MIT",
		"GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007":                    "",
		"Business Source License 1.1. Redistributions need our leave, in time.": "",
	} {
		if got := identify(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestFilesThatAreNoBinaries(t *testing.T) {
	if err := run("1", filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), []string{"release_test.go"}); err == nil {
		t.Error("a text was taken for a binary")
	}
}

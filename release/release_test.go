package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"

	"out_es/test/sharedobject"
)

// TestAllThatIsLinkedInIsNamed holds bill and notices to the plugin that "make test" has built.
func TestAllThatIsLinkedInIsNamed(t *testing.T) {
	so, err := sharedobject.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if so == "" {
		t.Skip("OUT_ES_SO names no plugin: make test does")
	}
	facts, err := sharedobject.Read(so)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	sbom, licences := filepath.Join(folder, "sbom"), filepath.Join(folder, "notices")
	if err := run("1.2.3", sbom, licences, []string{so}); err != nil {
		t.Fatal(err)
	}
	bom := readBill(t, sbom)
	if c := bom.Metadata.Component; c.Name != "out_es" || c.Version != "1.2.3" {
		t.Errorf("it is the bill of %s %s", c.Name, c.Version)
	}
	named := map[string]bool{}
	for _, c := range *bom.Components {
		named[c.Name+"@"+c.Version] = true
		if (*c.Licenses)[0].License.ID == "" {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	text, err := os.ReadFile(licences)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(facts.Modules, "std@"+facts.Go) {
		path, version, _ := strings.Cut(m, "@")
		if !named[m] {
			t.Errorf("the bill of materials lacks %s", m)
		}
		if !strings.Contains(string(text), "\n"+path+" "+version+": LICENSE") {
			t.Errorf("the notices lack the licence of %s", m)
		}
	}
	if len(named) != len(facts.Modules)+1 {
		t.Errorf("%d things are named, %d are linked in", len(named), len(facts.Modules)+1)
	}
	// Apache's licence asks for the notices, not for itself alone.
	if !strings.Contains(string(text), "elastic/go-elasticsearch") || !strings.Contains(string(text), ": NOTICE") {
		t.Error("the notices lack a NOTICE")
	}
	again := filepath.Join(folder, "again")
	if err := run("1.2.3", again, licences, []string{so}); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, sbom), read(t, again); !bytes.Equal(a, b) {
		t.Error("two bills of the same build differ")
	}
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

func TestWhatIsNoBinary(t *testing.T) {
	if err := run("1", filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), []string{"release_test.go"}); err == nil {
		t.Error("a text was taken for a binary")
	}
}

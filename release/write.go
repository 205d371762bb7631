package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials is CycloneDX's JSON: the files, the modules, and which of them is linked into
// which file. It has no time and no serial number, so that the same build has the same one.
func billOfMaterials(version string, files []binary, modules []module) ([]byte, error) {
	own := module{path: "out_es", version: version, licence: "Apache-2.0"}.component()
	own.Type, own.Description = cyclonedx.ComponentTypeApplication, "Fluent Bit output plugin for Elasticsearch"
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &own}
	var all []cyclonedx.Component
	held := cyclonedx.Dependency{Ref: own.BOMRef, Dependencies: &[]string{}}
	var dependencies []cyclonedx.Dependency
	for _, f := range files {
		all = append(all, f.component(version))
		*held.Dependencies = append(*held.Dependencies, f.name)
		linked := cyclonedx.Dependency{Ref: f.name, Dependencies: &[]string{}}
		for _, m := range modules {
			if slices.Contains(m.in, f.name) {
				*linked.Dependencies = append(*linked.Dependencies, m.component().BOMRef)
			}
		}
		dependencies = append(dependencies, linked)
	}
	for _, m := range modules {
		all = append(all, m.component())
	}
	bom.Components = &all
	dependencies = append(dependencies, held)
	bom.Dependencies = &dependencies
	var out bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

func (m module) component() cyclonedx.Component {
	url := "pkg:golang/" + m.path + "@" + m.version
	return cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: url,
		Licenses: licences(m.licence),
	}
}

func (b binary) component(version string) cyclonedx.Component {
	return cyclonedx.Component{
		BOMRef: b.name, Type: cyclonedx.ComponentTypeFile, Name: b.name, Version: version, Licenses: licences("Apache-2.0"),
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: b.sha256}},
	}
}

func licences(id string) *cyclonedx.Licenses {
	return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: id}}}
}

// notices is a list of each file's modules, then all the texts.
func notices(modules []module) []byte {
	var out bytes.Buffer
	out.WriteString("out_es is under the Apache License 2.0 (see LICENSE). Linked into its files are:\n\n")
	for _, m := range modules {
		fmt.Fprintf(&out, "  %-66s %-12s  in %s\n", m.path+" "+m.version, m.licence, strings.Join(m.in, ", "))
	}
	for _, m := range modules {
		for _, t := range m.texts {
			title := fmt.Sprintf("%s %s: %s", m.path, m.version, t.file)
			fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", title, strings.Repeat("=", len(title)), strings.TrimSpace(t.text))
		}
	}
	return out.Bytes()
}

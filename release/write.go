package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials is CycloneDX's JSON. It has no time and no serial number, so that the same build has the same one.
func billOfMaterials(version string, modules []module) ([]byte, error) {
	own := component("out_es", version, "Apache-2.0")
	own.Description = "Fluent Bit output plugin for Elasticsearch"
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &own}
	var all []cyclonedx.Component
	var references []string
	for _, m := range modules {
		c := component(m.path, m.version, m.licence)
		all, references = append(all, c), append(references, c.BOMRef)
	}
	bom.Components = &all
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: own.BOMRef, Dependencies: &references}}
	var out bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

func component(path, version, licence string) cyclonedx.Component {
	url := "pkg:golang/" + path + "@" + version
	return cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: licence}}},
	}
}

// notices is a list of what is linked in, then all the texts.
func notices(modules []module) []byte {
	var out bytes.Buffer
	out.WriteString("out_es is under the Apache License 2.0 (see LICENSE). Linked into it are:\n\n")
	for _, m := range modules {
		fmt.Fprintf(&out, "  %-60s %s\n", m.path+" "+m.version, m.licence)
	}
	for _, m := range modules {
		for _, t := range m.texts {
			title := fmt.Sprintf("%s %s: %s", m.path, m.version, t.file)
			fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", title, strings.Repeat("=", len(title)), strings.TrimSpace(t.text))
		}
	}
	return out.Bytes()
}

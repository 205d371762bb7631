// Command release writes a release's description of its binaries: a bill of materials (CycloneDX)
// and the licences of all linked modules. Both are read from the binaries themselves, so they can't
// describe another build. "make dist" runs it.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	version := flag.String("version", "", "version of the release")
	sbom := flag.String("sbom", "", "file to write the bill of materials to")
	notices := flag.String("notices", "", "file to write the licences to")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: release -version V -sbom FILE -notices FILE BINARY...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || *version == "" || *sbom == "" || *notices == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*version, *sbom, *notices, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(version, sbomPath, noticesPath string, binaries []string) error {
	files, modules, err := linked(binaries)
	if err != nil {
		return err
	}
	text, err := billOfMaterials(version, files, modules)
	if err != nil {
		return err
	}
	if err := os.WriteFile(sbomPath, text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(noticesPath, notices(modules), 0o644)
}

package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is something that is linked in, with its licence.
type module struct {
	path, version string
	licence       string // SPDX identifier
	texts         []text // licence and notice, as their files say it
}

type text struct{ file, text string }

// linked returns what is linked into the binaries, each module once, the standard library first.
func linked(binaries []string) ([]module, error) {
	found := map[string]module{}
	for _, path := range binaries {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found["std"] = module{path: "std", version: info.GoVersion}
		for _, dependency := range info.Deps {
			found[dependency.Path] = module{path: dependency.Path, version: dependency.Version}
		}
	}
	var all []module
	for _, m := range found {
		if err := m.readLicence(); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int {
		if (a.path == "std") != (b.path == "std") {
			return map[bool]int{true: -1, false: 1}[a.path == "std"]
		}
		return cmp.Compare(a.path, b.path)
	})
	return all, nil
}

// folder is where a module's files are.
func (m *module) folder() (string, error) {
	arguments := []string{"mod", "download", "-json", m.path + "@" + m.version}
	if m.path == "std" {
		arguments = []string{"env", "-json", "GOROOT"}
	}
	out, err := exec.Command("go", arguments...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(arguments, " "), err)
	}
	var answer struct{ Dir, GOROOT string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", err
	}
	return cmp.Or(answer.Dir, answer.GOROOT), nil
}

// readLicence reads a module's licence and notice. One without a licence that is known here stops the release.
func (m *module) readLicence() error {
	folder, err := m.folder()
	if err != nil {
		return err
	}
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "NOTICE*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			m.texts = append(m.texts, text{filepath.Base(file), string(content)})
			m.licence = cmp.Or(m.licence, identify(string(content)))
		}
	}
	if m.licence == "" {
		return fmt.Errorf("%s %s has no licence that may be linked in: its folder has %d texts", m.path, m.version, len(m.texts))
	}
	return nil
}

// identify names a licence by its first words that no other one has. Where a file holds several, the first counts, and the text
// says the rest. These are all that may be linked in: they ask for no more than their text.
func identify(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	best, first := "", len(words)
	for _, licence := range []struct{ id, phrase string }{
		{"Apache-2.0", "Apache License Version 2.0"},
		{"Apache-2.0", "Licensed under the Apache License, Version 2.0"},
		{"MIT", "Permission is hereby granted, free of charge"},
		{"BSD-3-Clause", "Neither the name of"},
		{"BSD-2-Clause", "Redistributions in binary form must reproduce"},
	} {
		// The third clause of the one follows the second, which is all of the other.
		if at := strings.Index(words, licence.phrase); at >= 0 && (at < first && licence.id != "BSD-2-Clause" || best == "") {
			best, first = licence.id, at
		}
	}
	return best
}

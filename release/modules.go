package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// binary is one of the files of a release.
type binary struct {
	name   string // without folders
	sha256 string // in hexadecimal digits
}

// module is something that is linked in, with its licence.
type module struct {
	path, version string
	in            []string // names of the binaries that it is linked into
	licence       string   // SPDX identifier
	texts         []text   // licence and notice, as their files say it
}

type text struct{ file, text string }

// linked returns the files and their linked modules: each module once, the standard library first.
func linked(paths []string) ([]binary, []module, error) {
	var files []binary
	found := map[string]*module{}
	for _, path := range paths {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		file := binary{filepath.Base(path), fmt.Sprintf("%x", sha256.Sum256(content))}
		files = append(files, file)
		for _, d := range append(info.Deps, &debug.Module{Path: "std", Version: info.GoVersion}) {
			name := d.Path + "@" + d.Version
			if found[name] == nil {
				found[name] = &module{path: d.Path, version: d.Version}
			}
			found[name].in = append(found[name].in, file.name)
		}
	}
	var all []module
	for _, m := range found {
		if err := m.readLicence(); err != nil {
			return nil, nil, err
		}
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b module) int {
		if (a.path == "std") != (b.path == "std") {
			return map[bool]int{true: -1, false: 1}[a.path == "std"]
		}
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.version, b.version))
	})
	return files, all, nil
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

// readLicence reads a module's licence and notice. One without a licence that is known here stops
// the release.
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

// identify names a licence by its first words that no other one has. Where a file holds several,
// the first counts, and the text says the rest. These are all that may be linked in: they ask for
// no more than their text.
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

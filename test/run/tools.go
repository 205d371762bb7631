package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"out_es/test/elasticsearch"
)

// checkTools names all missing tools at once, each with how to get it, and makes the paths in s
// absolute.
func checkTools(s *settings) error {
	var missing []error
	if _, err := exec.LookPath("go"); err != nil {
		missing = append(missing, &elasticsearch.MissingToolError{
			Tool:   "Go",
			Debian: "apt-get install golang-go (the version go.mod names, or newer; else unpack Go's own archive)",
			MacOS:  "brew install go",
		})
	} else if err := findCompiler(); err != nil {
		missing = append(missing, err)
	}
	missing = append(missing, elasticsearch.Missing(elasticsearch.Options{})...)
	for _, path := range []*string{&s.plugin, &s.conf, &s.examples} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(absolute); err != nil {
			missing = append(missing, missingFile(*path, *path == s.plugin))
		}
		*path = absolute
	}
	return errors.Join(missing...)
}

func missingFile(path string, plugin bool) error {
	if plugin {
		return fmt.Errorf("%s isn't there: `make` builds it; -plugin names another place", path)
	}
	return fmt.Errorf("%s isn't there: run this from the repository's own folder", path)
}

// findCompiler looks for the C compiler that Go would call for the plugin.
func findCompiler() error {
	compiler := "gcc"
	if out, err := exec.Command("go", "env", "CC").Output(); err == nil && len(strings.Fields(string(out))) > 0 {
		compiler = strings.Fields(string(out))[0]
	}
	if _, err := exec.LookPath(compiler); err != nil {
		return &elasticsearch.MissingToolError{
			Tool:   "a C compiler (" + compiler + ")",
			Debian: "apt-get install gcc libc6-dev",
			MacOS:  "xcode-select --install, or brew install gcc",
		}
	}
	return nil
}

package docs

import (
	"os"
	"regexp"
	"testing"

	"out_es/plugin"
)

// copies are the places outside Go and the Makefile that need the version, and how it stands there.
var copies = map[string]*regexp.Regexp{
	"Dockerfile":                                regexp.MustCompile(`ARG VERSION=(\S+)`),
	"deploy/README.md":                          regexp.MustCompile(`out-es:(\d[\w.]+)`),
	"deploy/helm/values.yaml":                   regexp.MustCompile(`(?m)^  tag: (\S+)$`),
	"deploy/kubernetes/base/kustomization.yaml": regexp.MustCompile(`newTag: (\S+)`),
}

func TestVersionIsOne(t *testing.T) {
	for file, pattern := range copies {
		text, err := os.ReadFile(root + file)
		if err != nil {
			t.Fatal(err)
		}
		found := pattern.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s names no version", file)
		}
		for _, match := range found {
			if match[1] != plugin.Version {
				t.Errorf("%s has the version %s, plugin.Version is %s", file, match[1], plugin.Version)
			}
		}
	}
}

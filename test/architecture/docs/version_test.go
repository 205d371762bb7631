package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"out_es/plugin"
)

// copies are the places outside Go and the Makefile that need the version, and how it stands there.
var copies = map[string]*regexp.Regexp{
	"Dockerfile":  regexp.MustCompile(`ARG VERSION=(\S+)`),
	"README.md":   regexp.MustCompile(`out_es-(\d[\w.]*)-linux`),
	"SECURITY.md": regexp.MustCompile(`out_es-(\d[\w.]*)-linux`),
}

// images are the places that name the image, and the pattern of its name and tag there.
var images = map[string]*regexp.Regexp{
	"Dockerfile":                                regexp.MustCompile(`\b(out-es):(\S+?)(?:-debug|-aws)?\s`),
	"README.md":                                 regexp.MustCompile(`\b(out-es):([\w.-]*\w)`),
	"deploy/README.md":                          regexp.MustCompile(`\b(out-es):([\w.-]*\w)`),
	"deploy/compose/compose.yaml":               regexp.MustCompile(`image: (\S+):(\S+)\n +build:`),
	"deploy/helm/values.yaml":                   regexp.MustCompile(`(?m)^  repository: (\S+)\n  tag: (\S+)$`),
	"deploy/kubernetes/base/kustomization.yaml": regexp.MustCompile(`newName: (\S+)\n +newTag: (\S+)`),
}

// TestTheImageHasOneName: the tag tells the plugin's version and Fluent Bit's.
func TestTheImageHasOneName(t *testing.T) {
	tag := plugin.Version + "-fb" + imageVersion(t)
	for file, pattern := range images {
		text, err := os.ReadFile(root + file)
		if err != nil {
			t.Fatal(err)
		}
		found := pattern.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s names no image", file)
		}
		for _, match := range found {
			if match[1] != "out-es" || match[2] != tag {
				t.Errorf("%s has the image %s:%s, want out-es:%s", file, match[1], match[2], tag)
			}
		}
	}
	workflow, err := os.ReadFile(root + ".github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	if name := "image=$REGISTRY/out-es:$(make -s version)-fb$(sed -n 's/^ARG FLUENT_BIT=//p' Dockerfile)"; !strings.Contains(string(workflow), name) {
		t.Errorf("the release does not push %s", name)
	}
}

// TestTheToolchainIsTheOneThatIsTested: go.mod's, the image's and hosted CI's Go are one.
func TestTheToolchainIsTheOneThatIsTested(t *testing.T) {
	found := map[string]string{}
	for file, pattern := range map[string]string{
		"go.mod": `(?m)^toolchain go(\S+)$`, "Dockerfile": `golang:([\d.]+)-`, ".github/workflows/ci.yml": `golang:([\d.]+)-`,
	} {
		text, err := os.ReadFile(root + file)
		if err != nil {
			t.Fatal(err)
		}
		if match := regexp.MustCompile(pattern).FindSubmatch(text); match != nil {
			found[file] = string(match[1])
		}
	}
	if version := found["go.mod"]; version == "" || found["Dockerfile"] != version || found[".github/workflows/ci.yml"] != version {
		t.Errorf("the versions of Go differ: %v", found)
	}
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

package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"out_es/test/elasticsearch"
)

// needs are packages that a hosted machine lacks, by the targets that skip cases without them.
var needs = map[string][]string{
	"test":          {"actions/setup-java"}, // as on a machine without Fluent Bit
	"test-all":      {"actions/setup-java", "./.github/actions/fluent-bit", ".ci/packages"},
	"test-deploy":   {"actions/setup-java", "./.github/actions/fluent-bit", ".ci/packages"},
	"test-versions": {"actions/setup-java", "./.github/actions/fluent-bit"},
	"test-dist":     {"actions/setup-java", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user maven"},
}

// TestWorkflow holds hosted CI to the targets and the versions that there are.
func TestWorkflow(t *testing.T) {
	text, err := os.ReadFile(root + ".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps    []struct{ Run, Uses string }
			Strategy struct {
				Matrix struct {
					Elasticsearch []string
					Include       []struct{ Elasticsearch string }
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	for name, job := range workflow.Jobs {
		var steps strings.Builder
		for _, step := range job.Steps {
			steps.WriteString(step.Uses + "\n" + step.Run + "\n")
		}
		for target, needed := range needs {
			for _, what := range needed {
				if regexp.MustCompile(`make `+target+`\n`).MatchString(steps.String()) && !strings.Contains(steps.String(), what) {
					t.Errorf("%s runs make %s without %s: cases would be skipped, or fail", name, target, what)
				}
			}
		}
		for _, step := range job.Steps {
			for _, match := range regexp.MustCompile(`\bmake ([a-z-]+)`).FindAllStringSubmatch(step.Run, -1) {
				ran[match[1]] = true
				if wrong := checks["make"](t, match[1:]); wrong != "" {
					t.Errorf("%s: %s: %s", name, step.Run, wrong)
				}
			}
		}
		versions := job.Strategy.Matrix.Elasticsearch
		for _, include := range job.Strategy.Matrix.Include {
			versions = append(versions, include.Elasticsearch)
		}
		for _, version := range versions {
			if !slices.Contains(elasticsearch.Versions(), version) {
				t.Errorf("%s: version %s can't be started, only %v", name, version, elasticsearch.Versions())
			}
		}
	}
	run, err := os.ReadFile(root + ".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^make ([a-z-]+)`).FindAllStringSubmatch(string(run), -1) {
		if !ran[match[1]] {
			t.Errorf(".ci/run calls make %s, hosted CI does not", match[1])
		}
	}
	for target := range needs {
		if !ran[target] {
			t.Errorf("no job runs make %s", target)
		}
	}
	for _, used := range regexp.MustCompile(`uses: \./(\S+)`).FindAllStringSubmatch(string(text), -1) {
		action, err := os.ReadFile(root + used[1] + "/action.yml")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(action), `default: "`+imageVersion(t)+`"`) {
			t.Errorf("%s takes another Fluent Bit than the Dockerfile's %s", used[1], imageVersion(t))
		}
	}
	if !ran["test"] || strings.Count(string(text), "make ") < 4 {
		t.Errorf("the targets %v were found", ran)
	}
}

// TestTestAllRunsWhatTestLeavesOut: no test is lost to the short form.
func TestTestAllRunsWhatTestLeavesOut(t *testing.T) {
	makefile, err := os.ReadFile(root + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	run, err := os.ReadFile(root + ".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	hosted, err := os.ReadFile(root + ".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	for target, short := range map[string]bool{"test": true, "test-all": false} {
		recipe := regexp.MustCompile(`(?m)^` + target + `:.*\n((?:\t.*\n)+)`).FindSubmatch(makefile)
		if recipe == nil {
			t.Fatalf("make %s has no recipe", target)
		}
		if text := string(recipe[1]); strings.Contains(text, " -short ") != short || !strings.Contains(text, " ./...") {
			t.Errorf("make %s runs\n%s", target, text)
		}
		if !strings.Contains(string(hosted), "- run: make "+target+"\n") {
			t.Errorf("hosted CI does not call make %s", target)
		}
	}
	for _, target := range []string{"test", "test-short"} { // the command of the README, and the race detector
		if !strings.Contains(string(run), "\nmake "+target+"\n") {
			t.Errorf(".ci/run does not call make %s", target)
		}
	}
}

// imageVersion is the Fluent Bit of the Dockerfile.
func imageVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^ARG FLUENT_BIT=(\S+)$`).FindStringSubmatch(string(text))
	if match == nil {
		t.Fatal("the Dockerfile names no Fluent Bit")
	}
	return match[1]
}

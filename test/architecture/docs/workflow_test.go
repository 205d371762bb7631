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

// TestWorkflow holds hosted CI to the targets and the versions that there are.
func TestWorkflow(t *testing.T) {
	text, err := os.ReadFile(root + ".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps    []struct{ Run string }
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
	if !ran["test"] || strings.Count(string(text), "make ") < 4 {
		t.Errorf("the targets %v were found", ran)
	}
}

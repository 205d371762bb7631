package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"out_es/lint"
)

// block is a fenced block of a page.
type block struct{ page, language, text string }

func blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	for page, text := range pages(t) {
		for _, match := range fence.FindAllStringSubmatch(text, -1) {
			all = append(all, block{page, match[1], match[2]})
		}
	}
	return all
}

var target = regexp.MustCompile(`(?m)^([a-z0-9_.-]+):`)

// checks are the checks of a command, by its first word. They return the fault.
var checks = map[string]func(t *testing.T, words []string) string{
	"make": func(t *testing.T, words []string) string {
		makefile, err := os.ReadFile(root + "Makefile")
		if err != nil {
			t.Fatal(err)
		}
		var targets []string
		for _, match := range target.FindAllStringSubmatch(string(makefile), -1) {
			targets = append(targets, match[1])
		}
		for _, word := range words {
			name, _, isVariable := strings.Cut(word, "=")
			switch {
			case isVariable && !regexp.MustCompile(`\b`+name+`\b`).Match(makefile) && !mentions(t, name):
				return "nothing reads " + name
			case !isVariable && !slices.Contains(targets, word):
				return "there is no target " + word
			}
		}
		return ""
	},
	"go": func(_ *testing.T, words []string) string {
		for _, word := range words {
			if folder, ok := strings.CutPrefix(word, "./"); ok && !there(strings.TrimSuffix(folder, "/...")) {
				return "there is no " + word
			}
		}
		return ""
	},
	"fluent-bit": func(_ *testing.T, words []string) string {
		for i, word := range words {
			if word == "-c" && i+1 < len(words) && !there(words[i+1]) && filepath.Base(words[i+1]) != words[i+1] {
				return "there is no " + words[i+1]
			}
		}
		return ""
	},
	"out-es": func(t *testing.T, words []string) string {
		reference, err := os.ReadFile(root + "docs/out-es.md")
		if err != nil {
			t.Fatal(err)
		}
		_, own, found := strings.Cut(string(reference), "\n## "+words[0]+"\n")
		if words[0] == "completion" {
			return ""
		}
		if !found {
			return "there is no command " + words[0]
		}
		own, _, _ = strings.Cut(own, "\n## ")
		for _, word := range words[1:] {
			name, _, _ := strings.Cut(word, "=")
			if strings.HasPrefix(name, "-") && name != "-" && !strings.Contains(own, name+" ") && !strings.Contains(own, name+"`") && !strings.Contains(own, name+",") {
				return "it has no " + name
			}
		}
		return ""
	},
	"kubectl": paths, "docker": paths, "helm": paths,
}

// paths checks words that look like one of our paths.
func paths(_ *testing.T, words []string) string {
	for _, word := range words {
		word, _, _ = strings.Cut(strings.TrimPrefix(word, "./"), "?")
		for _, folder := range []string{"deploy/", "examples/", "docs/"} {
			if strings.HasPrefix(word, folder) && !there(word) {
				return "there is no " + word
			}
		}
	}
	return ""
}

func there(path string) bool {
	_, err := os.Stat(root + path)
	return err == nil
}

// mentions reports whether a program of the tests reads a variable.
func mentions(t *testing.T, name string) bool {
	t.Helper()
	for _, pattern := range []string{"test/*/*.go", "examples/*/*.go"} {
		files, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), `"`+name+`"`) {
				return true
			}
		}
	}
	return false
}

// TestEveryCommandExists checks the commands of README and docs: targets, paths, options. `make
// run`, `make test` and the others run in CI, by their own names.
func TestEveryCommandExists(t *testing.T) {
	count := 0
	for _, b := range blocks(t) {
		if !slices.Contains([]string{"", "console", "sh", "bash", "shell"}, b.language) {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
			line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
			words := strings.Fields(line)
			for len(words) > 0 && (strings.Contains(words[0], "=") || words[0] == "sudo") {
				words = words[1:] // VAR=value in front of a command
			}
			if len(words) == 0 {
				continue
			}
			check, known := checks[filepath.Base(words[0])]
			if !known {
				continue
			}
			count++
			if end := slices.IndexFunc(words, func(word string) bool { return strings.ContainsAny(word, ">|;&") }); end > 0 {
				words = words[:end]
			}
			if wrong := check(t, words[1:]); wrong != "" {
				t.Errorf("%s: %q: %s", b.page, strings.TrimSpace(line), wrong)
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d commands were found", count)
	}
}

// TestEveryConfigurationIsTaken runs the linter on each configuration with a section of es_go that
// a page shows. It has nothing to say about those of README.
func TestEveryConfigurationIsTaken(t *testing.T) {
	t.Setenv("ES_API_KEY", "an-api-key")
	count := 0
	for _, b := range blocks(t) {
		name := ""
		switch {
		case strings.Contains(b.text, "…"): // a piece of one
		case regexp.MustCompile(`(?m)^\[OUTPUT\]\n +Name +es_go`).MatchString(b.text):
			name = "block.conf"
		case regexp.MustCompile(`(?m)^pipeline:`).MatchString(b.text) && strings.Contains(b.text, "name: es_go"):
			name = "block.yaml"
		}
		if name == "" {
			continue
		}
		count++
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := lint.File(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			if f.Severity == lint.Error || b.page == "README.md" {
				t.Errorf("%s: a configuration has a fault in line %d: %s\n%s", b.page, f.Line, f.Message, b.text)
			}
		}
	}
	if count < 2 {
		t.Errorf("only %d configurations were found", count)
	}
}

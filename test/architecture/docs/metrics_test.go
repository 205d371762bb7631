package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// metrics are the names and labels that the plugin's code registers.
func metrics(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "plugin/report/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			switch {
			case !ok:
			case nameOf(call.Fun) == "Counters" && len(call.Args) == 4:
				found[textOf(call.Args[0])] = textOf(call.Args[2])
			case (nameOf(call.Fun) == "Histogram" || nameOf(call.Fun) == "Gauge") && len(call.Args) >= 2:
				found[textOf(call.Args[0])] = ""
			}
			return true
		})
	}
	delete(found, "")
	return found
}

var metricRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (?:`([a-z]+)`)?")

// TestEveryMetricIsExplained compares docs/metrics.md and the alert rules with the code, in both
// directions.
func TestEveryMetricIsExplained(t *testing.T) {
	text, err := os.ReadFile(root + "docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	registered := metrics(t)
	if len(registered) < 8 {
		t.Fatalf("only %d metrics were found in the code", len(registered))
	}
	explained := map[string]bool{}
	for _, match := range metricRow.FindAllStringSubmatch(string(text), -1) {
		name, label := match[1], match[2]
		explained[name] = true
		if want, ok := registered[name]; !ok {
			t.Errorf("docs/metrics.md explains %s, which is not registered", name)
		} else if label != want {
			t.Errorf("docs/metrics.md gives %s the label %q, it has %q", name, label, want)
		}
	}
	for name := range registered {
		if !explained[name] {
			t.Errorf("docs/metrics.md lacks %s", name)
		}
	}
	for _, match := range regexp.MustCompile(`fluentbit_output_es_go_([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(match[1], "")
		if _, ok := registered[name]; !ok {
			t.Errorf("docs/metrics.md uses %s, which is not registered", match[0])
		}
	}
}

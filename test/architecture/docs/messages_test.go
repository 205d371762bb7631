package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// says are the functions with texts that a user reads: log lines, the summary of a minute, and
// errors.
var says = map[string]bool{"Log": true, "warn": true, "note": true, "New": true, "Errorf": true, "report": true, "Sprintf": true}

// silent are texts that no user sees, with the reason.
var silent = map[string]string{
	"spool: it is closed": "a call after Close, which nobody makes",
	"not now":             "between installer and flush only",
	"deliver: not everything could be delivered": "the outcome RETRY; log lines say why",
	"[…] […] [output:es_go:…] …":                 "a log line's shape where Fluent Bit's own log is not there",
	"data stream …-…-…":                          "a part of the line at start",
	"source: the encoder failed":                 "logged as a fault in the encoder",
	"drain: the chunk is not in the spool":       "the outcome RETRY; a log line says why",
	"drain: nothing in the chunk is an event":    "the outcome ERROR; a log line says why",
	"bulk: … is no operation":                    "the choices of Write_Operation, which are checked before, have the fix",
	"source: the destination is held":            "an event waits; the log line about the destination says why",
	"aws: this build can't sign requests":        "the fault of the option, which is reported instead, has the fix",
}

// messages reads all messages of the plugin from its code: the text, with … for its variable parts,
// and its position.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	visit := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		add := func(node ast.Node, text string) {
			if text = normal(text); text != "" && silent[text] == "" {
				found[text] = files.Position(node.Pos()).String()
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && says[nameOf(call.Fun)] {
				name := nameOf(call.Fun)
				for _, argument := range call.Args {
					text := textOf(argument)
					if name == "Log" || name == "warn" || name == "Errorf" || name == "Sprintf" {
						text = filled(text)
					}
					add(call, text)
				}
			}
			// The table of options has a column with the reason of a fault.
			if pair, ok := node.(*ast.KeyValueExpr); ok && nameOf(pair.Key) == "Why" {
				add(pair, textOf(pair.Value))
			}
			// Remedies are returned, not printed.
			if given, ok := node.(*ast.ReturnStmt); ok && filepath.Base(path) == "remedy.go" {
				for _, result := range given.Results {
					add(given, textOf(result))
				}
			}
			return true
		})
		return nil
	}
	for _, path := range []string{root + "plugin", root + "out_es.go"} {
		if err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if strings.HasSuffix(path, "config/reference.go") {
				return nil // documentation
			}
			return visit(path, entry, err)
		}); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func nameOf(function ast.Expr) string {
	switch f := function.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// textOf is a string in the code, with … for parts that are no literals; "" if it is no string.
func textOf(e ast.Expr) string {
	switch v := e.(type) {
	case *ast.BasicLit:
		if v.Kind == token.STRING {
			text, _ := strconv.Unquote(v.Value)
			return text
		}
	case *ast.BinaryExpr:
		if a, b := textOf(v.X), textOf(v.Y); v.Op == token.ADD && a+b != "" {
			return or(a, "…") + or(b, "…")
		}
	case *ast.CallExpr:
		if name := nameOf(v.Fun); name == "Sprintf" && len(v.Args) > 0 {
			return filled(textOf(v.Args[0]))
		}
	}
	return ""
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

var (
	verbs  = regexp.MustCompile(`"?%[-+#.0-9]*[a-zA-Z]"?`)
	prefix = regexp.MustCompile(`^[a-z]+: `)
)

// filled is a format with … for its verbs.
func filled(format string) string {
	format = strings.ReplaceAll(format, "%%", "\x00")
	return strings.ReplaceAll(verbs.ReplaceAllString(format, "…"), "\x00", "%")
}

// normal is a text as in the guide, "" for a text without words of its own.
func normal(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if !strings.Contains(strings.Trim(prefix.ReplaceAllString(text, ""), "…:,() "), " ") {
		return ""
	}
	return text
}

// explainedMessage is an item of a list that begins with a message, and its explanation.
var explainedMessage = regexp.MustCompile("^- `([^`]+)`(:? ?)(.*)$")

// explained reads the messages of the guide. A message without an explanation of its own stands in
// a list below a paragraph that explains all of its messages, and ends with a colon.
func explained(t *testing.T, guide string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	shared := false
	for line := range strings.Lines(guide) {
		line = strings.TrimSuffix(line, "\n")
		item := explainedMessage.FindStringSubmatch(line)
		switch {
		case item != nil && item[3] == "" && !shared:
			t.Errorf("docs/troubleshooting.md does not explain %s", item[1])
		case item != nil && item[3] != "" && item[2] != ": ":
			t.Errorf("docs/troubleshooting.md: a colon and a space separate message and explanation: %s", line)
		case item != nil && all[item[1]]:
			t.Errorf("docs/troubleshooting.md has %s twice", item[1])
		}
		if item != nil {
			all[item[1]] = true
		} else if line != "" && !strings.HasPrefix(line, "  ") {
			shared = strings.HasSuffix(line, ":")
		}
	}
	return all
}

// TestEveryMessageIsExplained compares docs/troubleshooting.md with the code, in both directions.
func TestEveryMessageIsExplained(t *testing.T) {
	text, err := os.ReadFile(root + "docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := explained(t, string(text))
	said := messages(t)
	if len(said) < 80 {
		t.Fatalf("only %d messages were found in the code", len(said))
	}
	for message, place := range said {
		if !explained[message] {
			t.Errorf("%s: docs/troubleshooting.md lacks its cause and fix:\n- `%s`: ", place, message)
		}
	}
	for message := range explained {
		if _, ok := said[message]; !ok {
			t.Errorf("docs/troubleshooting.md explains what nothing says: %s", message)
		}
	}
	for message, why := range silent {
		if why == "" {
			t.Errorf("why is %q silent?", message)
		}
	}
}

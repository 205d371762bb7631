package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"out_es/test/prose/comments"
)

// columns is how wide a comment may be. Code may be wider.
const columns = 100

// TestCommentsHaveOneWidth lets only code in a comment, which is indented, and a comment behind
// code be wider.
func TestCommentsHaveOneWidth(t *testing.T) {
	sources(t, func(name string, _ []byte, lines []comments.Line) {
		for _, line := range lines {
			isCode := strings.HasPrefix(line.Text, "  ") || strings.HasPrefix(line.Text, "\t") || strings.HasPrefix(line.Text, "lint:ignore")
			if line.Width > columns && !line.Trailing && !isCode {
				t.Errorf("%s:%d: a comment of %d columns, at most %d are allowed", name, line.Number, line.Width, columns)
			}
		}
	})
}

var isTest = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`)

// TestDocCommentsStartWithTheName holds each comment before a declaration to the form that go doc
// shows well: it starts with the name, perhaps after an article.
func TestDocCommentsStartWithTheName(t *testing.T) {
	declarations(t, func(place token.Position, name string, doc *ast.CommentGroup, _ *ast.FuncType) {
		if isTest.MatchString(name) { // says why, or under which conditions
			return
		}
		words := strings.Fields(doc.Text())
		if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
			words = words[1:]
		}
		if len(words) > 0 && strings.TrimRight(words[0], ",:'s") != strings.TrimRight(name, "s") && words[0] != "Deprecated:" {
			t.Errorf("%s:%d: the comment of %s starts with %q", place.Filename, place.Line, name, words[0])
		}
	})
}

var reports = regexp.MustCompile(`\breports?\s+whether\b|^\w+ implements `)

// TestBooleansAreReported holds the comment of a function that returns one bool to "reports
// whether", unless an interface has it.
func TestBooleansAreReported(t *testing.T) {
	declarations(t, func(place token.Position, name string, doc *ast.CommentGroup, function *ast.FuncType) {
		if function == nil || function.Results == nil || len(function.Results.List) != 1 || len(function.Results.List[0].Names) > 1 {
			return
		}
		if result, isName := function.Results.List[0].Type.(*ast.Ident); isName && result.Name == "bool" && !reports.MatchString(doc.Text()) {
			t.Errorf("%s:%d: %s returns a bool, and its comment does not say %q", place.Filename, place.Line, name, "reports whether")
		}
	})
}

// declarations calls do with each declaration of a Go file that has a comment; function is nil but
// for a function's.
func declarations(t *testing.T, do func(place token.Position, name string, doc *ast.CommentGroup, function *ast.FuncType)) {
	t.Helper()
	sources(t, func(name string, text []byte, _ []comments.Line) {
		if filepath.Ext(name) != ".go" {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc != nil {
					do(files.Position(d.Pos()), d.Name.Name, d.Doc, d.Type)
				}
			case *ast.GenDecl:
				if d.Tok != token.IMPORT && d.Doc != nil && len(d.Specs) == 1 && !d.Lparen.IsValid() {
					do(files.Position(d.Pos()), specName(d.Specs[0]), d.Doc, nil)
				}
			}
		}
	})
}

func specName(spec ast.Spec) string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Name.Name
	case *ast.ValueSpec:
		return spec.Names[0].Name
	}
	return ""
}

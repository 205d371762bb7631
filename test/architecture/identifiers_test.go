package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rejectedWords are parts of identifiers that have a term of their own (CONTRIBUTING.md,
// Vocabulary), with the term.
var rejectedWords = map[string]*regexp.Regexp{
	"reject":             regexp.MustCompile(`Refus[ae]|refus(e|al|ed|es|als)([A-Z]|$)`),
	"dead letter":        regexp.MustCompile(`(^|[^d])Letters?([A-Z]|$)`),
	"duplicate":          regexp.MustCompile(`Doubl(e|ed|es)([A-Z]|$)`),
	"repair, fix":        regexp.MustCompile(`Mend(ed|s|ing)?([A-Z]|$)|^mend(ed|s)?([A-Z]|$)`),
	"log, report":        regexp.MustCompile(`(Is|Are|IsNot|AreNot|And|Ever)Told([A-Z]|$)`),
	"missing, unused, …": regexp.MustCompile(`(Some|No|Any)body`),
	"in flight":          regexp.MustCompile(`UnderWay`),
}

// TestIdentifiersUseTheVocabulary keeps one word for one thing: exported names, functions, methods
// and tests have none of the words that the vocabulary replaces. Refused connections are refused.
func TestIdentifiersUseTheVocabulary(t *testing.T) {
	names := 0
	judge := func(files *token.FileSet, name *ast.Ident) {
		names++
		if strings.Contains(name.Name, "ConnectionRefused") || name.Name == "isLetter" {
			return
		}
		for term, word := range rejectedWords {
			if word.MatchString(name.Name) {
				t.Errorf("%s: %s: the vocabulary has %s for it", files.Position(name.Pos()), name.Name, term)
			}
		}
	}
	for _, folder := range []string{"plugin", "tool", "lint", "test"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			for _, others := range []string{"test/faults/", "test/simulate/", "test/bench/", "test/host/", "test/architecture/"} {
				if strings.Contains(filepath.ToSlash(path), others) {
					return nil // connections are refused there, chunks by Fluent Bit
				}
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, declaration := range file.Decls {
				switch d := declaration.(type) {
				case *ast.FuncDecl:
					judge(files, d.Name)
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						switch s := spec.(type) {
						case *ast.TypeSpec:
							judge(files, s.Name)
						case *ast.ValueSpec:
							for _, name := range s.Names {
								judge(files, name)
							}
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if names < 3000 {
		t.Errorf("only %d names were found", names)
	}
}

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// calledLine is a line of the lists of calls: functions, and the file or folder that they stand
	// in.
	calledLine = regexp.MustCompile(`(?m)^ *([A-Za-z.]+(?:, [A-Za-z.]+)*) +(plugin/\S+|out_es\.go)`)
	quoted     = regexp.MustCompile("`([^`]+)`")
)

// section is the text below a heading of docs/architecture.md, up to the next one.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(root + "docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/architecture.md has no %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// functions are those of a file, or of all files of a folder: NAME, or TYPE.NAME.
func functions(t *testing.T, place string) (all []string) {
	t.Helper()
	paths := []string{root + place}
	if !strings.HasSuffix(place, ".go") {
		entries, err := os.ReadDir(root + place)
		if err != nil {
			t.Fatal(err)
		}
		paths = nil
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), ".go") {
				paths = append(paths, path.Join(root+place, entry.Name()))
			}
		}
	}
	for _, name := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			switch {
			case !ok:
			case f.Recv == nil:
				all = append(all, f.Name.Name)
			default:
				receiver := f.Recv.List[0].Type
				if pointer, ok := receiver.(*ast.StarExpr); ok {
					receiver = pointer.X
				}
				all = append(all, nameOf(receiver)+"."+f.Name.Name)
			}
		}
	}
	return all
}

// TestTheWayOfAChunkIsThatOfTheCode holds the lists of calls to the functions that they name, and
// where those stand.
func TestTheWayOfAChunkIsThatOfTheCode(t *testing.T) {
	lines := calledLine.FindAllStringSubmatch(section(t, "The way of a chunk"), -1)
	if len(lines) < 40 {
		t.Fatalf("only %d lines of calls were found", len(lines))
	}
	for _, line := range lines {
		there := functions(t, line[2])
		for name := range strings.SplitSeq(line[1], ", ") {
			if !slices.Contains(there, name) {
				t.Errorf("docs/architecture.md: %s is not in %s", name, line[2])
			}
		}
	}
}

// TestTheFilesToReadExist compares the table of files to read for a change with the files. A
// name without a folder has the folder of the name before it.
func TestTheFilesToReadExist(t *testing.T) {
	found := 0
	for line := range strings.Lines(section(t, "What to read for a change")) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		folder := ""
		for _, match := range quoted.FindAllStringSubmatch(cells[2], -1) {
			place := match[1]
			if !strings.Contains(place, "/") && folder != "" {
				place = path.Join(folder, place)
			}
			if _, err := os.Stat(root + place); err != nil {
				t.Errorf("docs/architecture.md: %v", err)
			}
			if folder = place; strings.HasSuffix(place, ".go") {
				folder = path.Dir(place)
			}
			found++
		}
	}
	if found < 30 {
		t.Errorf("only %d files were found", found)
	}
}

package architecture

import (
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// perThousand is how many of the words below a thousand lines of comments may have. The best Go
// projects have 5 to 15 (franz-go's kgo 14, tailscale's logtail 7, elastic's docappender 5).
const perThousand = 30

// vague are the words of a sentence that describes a thing where it could name it.
var vague = regexp.MustCompile(`(?i)\b(what|whose|whom|somebody|nobody|anybody)\b`)

// other are comments in languages other than Go, by the file's extension.
var other = map[string]*regexp.Regexp{
	".c":    regexp.MustCompile(`^\s*(?:/\*|\*|//)(.*)|\s//\s(.*)`),
	".h":    regexp.MustCompile(`^\s*(?:/\*|\*|//)(.*)|\s//\s(.*)`),
	".java": regexp.MustCompile(`^\s*(?:/\*|\*|//)(.*)|\s//\s(.*)`),
	".lua":  regexp.MustCompile(`^\s*--(.*)`),
	".sh":   regexp.MustCompile(`^\s*#([^!].*)`),
}

// tally counts comment lines and the vague words in them.
type tally struct{ lines, words int }

func (t *tally) add(comment string) {
	t.lines++
	t.words += len(vague.FindAllString(comment, -1))
}

// limit is how many words so many lines may have.
func (t *tally) limit() int { return max(1, t.lines*perThousand/1000) }

// TestCommentsNameThings counts the vague words in the comments of each folder. Its figures are shown by
// go test -v -run TestCommentsNameThings ./test/architecture
func TestCommentsNameThings(t *testing.T) {
	const root = "../.."
	list, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("the files are listed by git: %v", err)
	}
	folders, all := map[string]*tally{}, &tally{}
	for _, name := range strings.Fields(string(list)) {
		if strings.Contains(name, "testdata/") || strings.HasPrefix(name, "third_party/") {
			continue
		}
		for _, comment := range comments(t, filepath.Join(root, name)) {
			folder := path.Dir(name)
			if folders[folder] == nil {
				folders[folder] = &tally{}
			}
			folders[folder].add(comment)
			all.add(comment)
		}
	}
	if all.lines < 1000 {
		t.Fatalf("only %d lines of comments were found", all.lines)
	}
	t.Logf("%d words in %d lines of comments: %d in 1,000", all.words, all.lines, all.words*1000/all.lines)
	for folder, n := range folders {
		t.Logf("%4d words, %4d lines  %s", n.words, n.lines, folder)
		if n.words > n.limit() {
			t.Errorf("%s: %d of %q in %d lines of comments, at most %d are allowed: name the things (CONTRIBUTING.md)",
				folder, n.words, vague, n.lines, n.limit())
		}
	}
}

// comments returns the lines of a file's comments, none for a file of another kind.
func comments(t *testing.T, name string) (lines []string) {
	extension := filepath.Ext(name)
	if extension != ".go" && other[extension] == nil {
		return nil
	}
	text, err := os.ReadFile(name)
	if os.IsNotExist(err) { // deleted, and not committed yet
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if extension == ".go" {
		return goComments(text)
	}
	for line := range strings.Lines(string(text)) {
		if found := other[extension].FindStringSubmatch(strings.TrimRight(line, "\n")); found != nil {
			lines = append(lines, strings.Join(found[1:], ""))
		}
	}
	return lines
}

func goComments(text []byte) (lines []string) {
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile("", files.Base(), len(text)), text, nil, scanner.ScanComments)
	for {
		switch _, kind, literal := s.Scan(); {
		case kind == token.EOF:
			return lines
		case kind == token.COMMENT && !strings.HasPrefix(literal, "//go:"):
			lines = append(lines, strings.Split(literal, "\n")...)
		}
	}
}

package architecture

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_es/test/prose/comments"
)

// perThousand is how many of the words below a thousand lines of comments may have. The best Go
// projects have 5 to 15 (franz-go's kgo 14, tailscale's logtail 7, elastic's docappender 5).
const perThousand = 30

// vague are the words of a sentence that describes a thing where it could name it.
var vague = regexp.MustCompile(`(?i)\b(what|whose|whom|somebody|nobody|anybody)\b`)

// tally counts comment lines and the vague words in them.
type tally struct{ lines, words int }

func (t *tally) add(comment string) {
	t.lines++
	t.words += len(vague.FindAllString(comment, -1))
}

// limit is how many words so many lines may have.
func (t *tally) limit() int { return max(1, t.lines*perThousand/1000) }

// TestCommentsNameThings counts the vague words in the comments of each folder. Its figures are
// shown by go test -v -run TestCommentsNameThings ./test/architecture
func TestCommentsNameThings(t *testing.T) {
	folders, all := map[string]*tally{}, &tally{}
	sources(t, func(name string, _ []byte, lines []comments.Line) {
		folder := path.Dir(name)
		if folders[folder] == nil {
			folders[folder] = &tally{}
		}
		for _, line := range lines {
			folders[folder].add(line.Text)
			all.add(line.Text)
		}
	})
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

// sources calls do with each file of the repository that has comments, and with the lines of those.
func sources(t *testing.T, do func(name string, text []byte, lines []comments.Line)) {
	t.Helper()
	const root = "../.."
	list, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("the files are listed by git: %v", err)
	}
	for _, name := range strings.Fields(string(list)) {
		if strings.Contains(name, "testdata/") || strings.HasPrefix(name, "third_party/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if lines, known := comments.Of(name, text); known {
			do(name, text, lines)
		}
	}
}

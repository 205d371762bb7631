package docs

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// appendix maps guarantees to their tests. Other pages of docs/ state the guarantees.
const appendix = "docs/guarantees.md"

var (
	named       = regexp.MustCompile("[*`](Test[A-Z][A-Za-z0-9]*)")
	declaration = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// declared are the tests of the repository.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*_test.go")
	list.Dir = root
	files, err := list.Output()
	if err != nil {
		t.Skipf("the files are listed by git: %v", err)
	}
	all := map[string]bool{}
	for file := range strings.FieldsSeq(string(files)) {
		text, err := os.ReadFile(root + file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
			all[match[1]] = true
		}
	}
	return all
}

// TestNamedTestsExist compares the tests that pages name as `TestSomething` or *TestSomething* with
// the code. Names belong to the appendix, so that pages read well; there, each row has one.
func TestNamedTestsExist(t *testing.T) {
	tests := declared(t)
	count := 0
	for page, text := range pages(t) {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			if page == appendix {
				count++
			}
			if !tests[match[1]] {
				t.Errorf("%s names %s, which does not exist", page, match[1])
			}
			if own := strings.HasPrefix(page, "docs/") && !strings.HasPrefix(page, "docs/adr/"); own && page != appendix {
				t.Errorf("%s names %s: %s maps guarantees to tests", page, match[1], appendix)
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d names were found in %s", count, appendix)
	}
	for line := range strings.Lines(pages(t)[appendix]) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.Contains(cells[0], "---") || strings.TrimSpace(cells[0]) == "guarantee" {
			continue
		}
		if len(links(cells[1])) == 0 || !named.MatchString(cells[2]) {
			t.Errorf("%s: a row needs a link to its section, and a test: %s", appendix, line)
		}
	}
	cases, err := os.ReadFile(root + "test/matrix/cases.go") // rows of docs/compatibility.md
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`"(Test[A-Za-z0-9]+)"`).FindAllStringSubmatch(string(cases), -1) {
		if !tests[match[1]] {
			t.Errorf("test/matrix/cases.go names %s, which does not exist", match[1])
		}
	}
}

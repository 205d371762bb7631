package docs

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestNamedTestsExist holds the tests that pages name as *TestSomething* to those in the code.
func TestNamedTestsExist(t *testing.T) {
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*_test.go")
	list.Dir = root
	files, err := list.Output()
	if err != nil {
		t.Skipf("the files are listed by git: %v", err)
	}
	var code strings.Builder
	for file := range strings.FieldsSeq(string(files)) {
		text, err := os.ReadFile(root + file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		code.Write(text)
	}
	named := regexp.MustCompile(`\*(Test[A-Za-z0-9]+)`)
	count := 0
	for page, text := range pages(t) {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			count++
			if !strings.Contains(code.String(), "func "+match[1]) { // some name the beginning of several
				t.Errorf("%s names %s, which does not exist", page, match[1])
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d names were found", count)
	}
}

package architecture

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// subjectsSince is the commit that brought the rule of CONTRIBUTING.md. Older ones are not judged.
const subjectsSince = "6ba9c7dc"

// subject is "area: what", or several areas.
var subject = regexp.MustCompile(`^[a-z0-9_./-]+(, [a-z0-9_./-]+)*: \S.*$`)

func TestSubjectsOfCommits(t *testing.T) {
	git := func(arguments ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", "../.."}, arguments...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	if _, err := git("cat-file", "-e", subjectsSince+"^{commit}"); err != nil {
		t.Skipf("no clone with the commit %s", subjectsSince)
	}
	subjects, err := git("log", "--no-merges", "--format=%h %s", subjectsSince+"..HEAD")
	if err != nil {
		t.Fatalf("commits since %s: %v", subjectsSince, err)
	}
	t.Logf("%d commits since %s", strings.Count(subjects, "\n")+1, subjectsSince)
	for line := range strings.Lines(subjects) {
		hash, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if len([]rune(text)) > 72 {
			t.Errorf("%s: the subject has %d characters, at most 72 are allowed: %s", hash, len([]rune(text)), text)
		}
		if !subject.MatchString(text) {
			t.Errorf("%s: the subject is not \"area: what\": %s", hash, text)
		}
	}
}

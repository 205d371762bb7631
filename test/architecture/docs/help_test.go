package docs

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestHelpListsEveryTarget: `make help` shows a newcomer every target. Targets named need-… are
// called by others, and files are made by targets that have a line.
func TestHelpListsEveryTarget(t *testing.T) {
	makefile, err := os.ReadFile(root + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	// Under "make check", a make within make would tell which folder it is in.
	help := exec.Command("make", "--no-print-directory", "help")
	help.Dir = root
	out, err := help.CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, out)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if listed[name] || strings.TrimSpace(what) == "" || len(line) > 160 {
			t.Errorf("make help has %q: one line a target, that says what it does", line)
		}
		listed[name] = true
	}
	var phony strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^\.PHONY:.*$`).FindAllString(string(makefile), -1) {
		phony.WriteString(line + " ")
	}
	targets := regexp.MustCompile(`(?m)^([a-z][a-zA-Z0-9_.%-]*):((?:[^=\n][^\n]*)?)\n(\t?)`).FindAllStringSubmatch(string(makefile), -1)
	if len(targets) < 20 {
		t.Fatalf("only %d targets were found", len(targets))
	}
	for _, target := range targets {
		name, needs, recipe := target[1], target[2], target[3] != ""
		if needs, _, _ = strings.Cut(needs, "##"); !recipe && strings.TrimSpace(needs) == "" {
			t.Errorf("make %s does nothing", name)
		}
		if strings.HasPrefix(name, "need-") || strings.HasSuffix(name, ".so") {
			continue
		}
		if !listed[name] {
			t.Errorf("make help does not list %s", name)
		}
		if name != "out-es" && !strings.Contains(phony.String(), " "+name+" ") {
			t.Errorf("%s is not phony: a file of that name would hide it", name)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("make help lists %s, which is no target", name)
	}
}

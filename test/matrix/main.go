// Command matrix runs the end-to-end tests that docs/compatibility.md lists
// against every server that test/elasticsearch can start, and writes the
// page's table from what passed:
//
//	go run ./test/matrix -update
//
// Without -update it fails where the table differs. With -versions it runs
// some servers only, and compares their columns.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"out_es/test/elasticsearch"
)

func main() {
	update := flag.Bool("update", false, "write the table into the page")
	page := flag.String("page", "docs/compatibility.md", "the page, with the table between its two marks")
	versions := flag.String("versions", "", "servers to run, separated by commas (default: all)")
	flag.Parse()
	if err := run(*page, *update, *versions); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(page string, update bool, some string) error {
	versions := elasticsearch.Versions()
	if some != "" {
		versions = strings.Split(some, ",")
	}
	dir, err := os.MkdirTemp("", "out_es-matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "e2e.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, "./test/e2e").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var runs []serverRun
	failed := 0
	for _, version := range versions {
		began := time.Now()
		r, err := runVersion(binary, version, version != elasticsearch.DefaultVersion)
		if err != nil {
			return fmt.Errorf("version %s: %w", version, err)
		}
		fmt.Printf("%s: %d tests passed, %d not there, %d failed, in %s\n", r.server, r.count(passed), r.count(skipped), r.count(failing), time.Since(began).Round(time.Second))
		failed += r.count(failing)
		runs = append(runs, r)
	}
	if failed > 0 {
		return fmt.Errorf("%d tests failed; the page is left as it is", failed)
	}
	if some != "" {
		return compareColumns(page, runs)
	}
	return write(page, table(runs), update)
}

const (
	beginMark = "<!-- made by make test-matrix -->\n"
	endMark   = "<!-- end of what is made -->\n"
)

// write puts the table between the marks, or compares it.
func write(page, table string, update bool) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, foundBegin := strings.Cut(string(text), beginMark)
	old, after, foundEnd := strings.Cut(rest, endMark)
	if !foundBegin || !foundEnd {
		return fmt.Errorf("%s lacks the marks %q and %q", page, beginMark, endMark)
	}
	switch {
	case old == table:
		return nil
	case update:
		return os.WriteFile(page, []byte(before+beginMark+table+endMark+after), 0o644)
	}
	return fmt.Errorf("%s is not what this run shows; \"make test-matrix\" writes it. It would be:\n%s", page, table)
}

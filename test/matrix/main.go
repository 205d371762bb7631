// Command matrix runs the end-to-end tests that docs/compatibility.md lists
// against every server that test/elasticsearch can start, and writes the
// page's table from what passed:
//
//	go run ./test/matrix -update
//
// Without -update it fails where the table differs. With -versions it runs
// some servers only, and compares their columns. With -fluent-bits it runs the
// tests of the page's second table, in each of these programs:
//
//	go run ./test/matrix -fluent-bits /usr/bin/fluent-bit,old/bin/fluent-bit
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
	programs := flag.String("fluent-bits", "", "programs to run the cases of Fluent Bit in, separated by commas, instead of servers")
	flag.Parse()
	of, subjects := servers, elasticsearch.Versions()
	switch {
	case *programs != "" && *versions != "":
		fmt.Fprintln(os.Stderr, "matrix: -fluent-bits and -versions are two runs: give one")
		os.Exit(2)
	case *programs != "":
		of, subjects = agents, strings.Split(*programs, ",")
	case *versions != "":
		subjects = strings.Split(*versions, ",")
	}
	if err := run(*page, *update, of, subjects, *versions != ""); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

// run runs a suite with each subject. some says that those are not all, and
// that the page has columns of others.
func run(page string, update bool, s suite, subjects []string, some bool) error {
	dir, err := os.MkdirTemp("", "out_es-matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	built, err := build(dir)
	if err != nil {
		return err
	}
	var runs []subjectRun
	failed := 0
	for _, subject := range subjects {
		began := time.Now()
		r, err := s.run(built, subject, subject != elasticsearch.DefaultVersion)
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		fmt.Printf("%s: %d tests passed, %d not there, %d failed, in %s\n", r.subject, r.count(passed), r.count(skipped), r.count(failing), time.Since(began).Round(time.Second))
		failed += r.count(failing)
		runs = append(runs, r)
	}
	if failed > 0 {
		return fmt.Errorf("%d tests failed; the page is left as it is", failed)
	}
	if some {
		return s.compareColumns(page, runs)
	}
	return write(page, "<!-- made by "+s.target+" -->\n", s.table(runs), update)
}

// tests is where the end-to-end tests are.
const tests = "test/e2e"

// suiteBinary is a package of tests/, built.
type suiteBinary struct{ path, dir string }

// build builds every package of tests/ into dir.
//
// Possible errors: one does not build; go is missing.
func build(dir string) (built []suiteBinary, err error) {
	mains, err := filepath.Glob(tests + "/*/main_test.go")
	if err != nil {
		return nil, err
	}
	for _, main := range mains {
		b := suiteBinary{dir: filepath.Dir(main)}
		b.path = filepath.Join(dir, filepath.Base(b.dir)+".test")
		if out, err := exec.Command("go", "test", "-c", "-o", b.path, "./"+b.dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
		built = append(built, b)
	}
	if len(built) == 0 {
		return nil, fmt.Errorf("there are no tests in %s: run this from the repository's root", tests)
	}
	return built, nil
}

const endMark = "<!-- end of what is made -->\n"

// write puts the table between the marks, or compares it.
func write(page, beginMark, table string, update bool) error {
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
	return fmt.Errorf("%s is not what this run shows; -update writes it. It would be:\n%s", page, table)
}

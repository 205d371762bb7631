// Command matrix runs the end-to-end tests of docs/compatibility.md against every server that
// test/elasticsearch can start, and writes the page's table from the results:
//
//	go run ./test/matrix -update
//
// Without -update it fails if the table differs. With -versions it runs some servers only, and
// compares their columns. With -fluent-bits it runs the tests of the page's second table, in each
// of these programs:
//
//	go run ./test/matrix -fluent-bits /usr/bin/fluent-bit,old/bin/fluent-bit
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"out_es/test/elasticsearch"
)

func main() {
	update := flag.Bool("update", false, "write the table into the page")
	page := flag.String("page", "docs/compatibility.md", "the page, with the table between its two marks")
	versions := flag.String("versions", "", "servers to run, separated by commas (default: all)")
	parallel := flag.Int("parallel", 2, "servers to run at a time: much of a run is waiting")
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
	if *programs != "" {
		*parallel = 1 // they share a server, and some tests watch the clock
	}
	if err := run(plan{of, subjects, *versions != "", *parallel}, *page, *update); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

// plan has the runs of a command line.
type plan struct {
	suite
	subjects []string
	some     bool // those are not all: the page has columns of others
	parallel int
}

func run(p plan, page string, update bool) error {
	dir, err := os.MkdirTemp("", "out_es-matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	built, err := build(dir)
	if err != nil {
		return err
	}
	runs, err := p.runAll(built)
	failed := 0
	for _, r := range runs {
		failed += r.count(failing)
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%d tests failed; the page is left as it is", failed)
	case p.some:
		return p.compareColumns(page, runs)
	}
	return write(page, "<!-- made by "+p.target+" -->\n", p.table(runs), update)
}

// runAll runs the suite with each subject, some at a time, and prints how each went when it is
// through.
func (p plan) runAll(built []suiteBinary) ([]subjectRun, error) {
	runs, errs := make([]subjectRun, len(p.subjects)), make([]error, len(p.subjects))
	slots := make(chan struct{}, p.parallel)
	var printing sync.Mutex
	var all sync.WaitGroup
	for i, subject := range p.subjects {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			r, err := p.run(built, subject, subject != elasticsearch.DefaultVersion)
			if err != nil {
				err = fmt.Errorf("%s: %w", subject, err)
			}
			runs[i], errs[i] = r, err
			printing.Lock()
			defer printing.Unlock()
			fmt.Printf("%s%s: %d tests passed, %d not there, %d failed, in %s\n", r.output, subject, r.count(passed), r.count(skipped), r.count(failing), time.Since(began).Round(time.Second))
		})
	}
	all.Wait()
	return runs, errors.Join(errs...)
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

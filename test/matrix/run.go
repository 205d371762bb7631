package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// outcome is the result of a test.
type outcome uint8

const (
	missing outcome = iota // it was not run
	passed
	skipped
	failing
)

type result struct {
	outcome outcome
	reason  string // of a skip, or the exception that a test passed with
}

// subjectRun is a run of all cases with one subject: a server, or a Fluent Bit.
type subjectRun struct {
	subject string // as its own test names it
	results map[string]result
	output  string // the tests' output, if one failed
}

func (r subjectRun) count(o outcome) (n int) {
	for _, got := range r.results {
		if got.outcome == o {
			n++
		}
	}
	return n
}

// run runs the cases' tests with a subject, one package after the other. later means that cases
// that need to be shown only once were shown before.
func (s suite) run(built []suiteBinary, subject string, later bool) (subjectRun, error) {
	var wanted []string
	for _, c := range s.cases {
		if !c.once || !later {
			wanted = append(wanted, c.tests...)
		}
	}
	var out bytes.Buffer
	var failed error
	for _, b := range built {
		command := exec.Command(b.path, "-test.v", "-test.parallel=4", "-test.run", "^("+strings.Join(append(wanted, s.asked), "|")+")$")
		command.Dir = b.dir
		command.Env = append(os.Environ(), s.variable+"="+subject)
		command.Stdout, command.Stderr = &out, os.Stderr
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return subjectRun{}, err
		}
		failed = errors.Join(failed, err)
	}
	r := parse(out.Bytes())
	absent := ""
	for _, test := range wanted {
		if r.results[test].outcome == missing {
			r.results[test] = result{outcome: failing}
			absent += fmt.Sprintf("%s was not run: is it still in %s?\n", test, tests)
		}
	}
	if r.count(failing) > 0 || failed != nil {
		r.output = out.String() + absent
	}
	if failed != nil && r.count(failing) == 0 {
		return r, failed
	}
	if r.subject == "" {
		return r, fmt.Errorf("%s did not name what was run", s.asked)
	}
	return r, nil
}

// longestLine holds records of 5 MB that a failed test shows.
const longestLine = 64 << 20

var (
	verdictLine = regexp.MustCompile(`^--- (PASS|SKIP|FAIL): (\w+) `)
	saidLine    = regexp.MustCompile(`^ {4}\w+\.go:\d+: (.*)$`)
	turnLine    = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +(\w+)`)
)

// exception begins the line of a test that takes a known fault of its subject.
const exception = "but: "

// parse reads the output of go test -v. A test's own lines are behind its verdict or, if it ran
// alone, before it: the last line before the verdict is a skip's reason. An exception belongs to
// the test, or a part of it, that the line before it names.
func parse(out []byte) subjectRun {
	r := subjectRun{results: map[string]result{}}
	said, turn, exceptions := "", "", map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		line := lines.Text()
		if match := turnLine.FindStringSubmatch(line); match != nil {
			turn = match[1]
		}
		if match := saidLine.FindStringSubmatch(line); match != nil {
			said = match[1]
			if taken, ok := strings.CutPrefix(said, exception); ok {
				exceptions[turn] = taken
			}
			if subject, ok := strings.CutPrefix(said, "subject: "); ok {
				r.subject = subject
			}
		}
		match := verdictLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		got := result{outcome: map[string]outcome{"PASS": passed, "SKIP": skipped, "FAIL": failing}[match[1]]}
		switch got.outcome {
		case skipped:
			got.reason = said
		case passed:
			got.reason = exceptions[match[2]]
		}
		r.results[match[2]] = got
		said = ""
	}
	return r
}

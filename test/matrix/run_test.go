package main

import (
	"strings"
	"testing"
)

// output is that of go test -v, of tests that run alone and in parallel.
const output = `=== RUN   TestAsked
    version_test.go:20: subject: Fluent Bit 4.2.8
--- PASS: TestAsked (0.00s)
=== RUN   TestAlone
    tail_test.go:7: but: it is older
    tail_test.go:9: and fine
--- PASS: TestAlone (1.00s)
=== RUN   TestParallel
=== PAUSE TestParallel
=== RUN   TestNever
    never_test.go:3: it can't
--- SKIP: TestNever (0.00s)
=== CONT  TestParallel
=== RUN   TestParallel/sub
=== RUN   TestOther
=== NAME  TestParallel/sub
    sub_test.go:7: but: it is older
=== NAME  TestOther
    sub_test.go:8: said
--- PASS: TestOther (1.00s)
--- PASS: TestParallel (1.00s)
    --- PASS: TestParallel/sub (1.00s)
`

func TestExceptionsAreLogged(t *testing.T) {
	r := parse([]byte(output))
	if r.subject != "Fluent Bit 4.2.8" {
		t.Errorf("the subject is %q", r.subject)
	}
	table := suite{cases: []testCase{
		{title: "both", tests: []string{"TestAlone", "TestOther"}}, {title: "sub", tests: []string{"TestParallel"}},
		{title: "other", tests: []string{"TestOther"}}, {title: "never", tests: []string{"TestNever"}},
	}}.table([]subjectRun{r})
	want := "| both | yes (1) |\n| sub | yes (1) |\n| never | no (2) |\n\n(1) it is older.\n\n(2) it can't.\n"
	if !strings.Contains(table, want) {
		t.Errorf("the table is\n%swant\n%s", table, want)
	}
}

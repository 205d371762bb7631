package main

import (
	"strings"
	"testing"
)

func TestEachReasonIsOneLine(t *testing.T) {
	events := `{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"    one_test.go:12: no nginx on PATH\n"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"--- SKIP: TestOne (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestTwo/case","Output":"    two_test.go:9: a note\n"}
{"Action":"output","Package":"a","Test":"TestTwo/case","Output":"    one_test.go:12: a JDK is needed\n"}
{"Action":"output","Package":"a","Test":"TestTwo/case","Output":"          Debian:  apt-get install it\n"}
{"Action":"output","Package":"b","Test":"TestTwo/case","Output":"    other_test.go:1: another package's test of that name\n"}
{"Action":"skip","Package":"a","Test":"TestTwo/case"}
{"Action":"output","Package":"a","Test":"TestThree","Output":"    one_test.go:99: no nginx on PATH\n"}
{"Action":"skip","Package":"a","Test":"TestThree"}
{"Action":"output","Package":"a","Test":"TestFour","Output":"    one_test.go:99: said before it passed\n"}
{"Action":"pass","Package":"a","Test":"TestFour"}
{"Action":"skip","Package":"a","Test":"TestFive"}
{"Action":"output","Package":"c","Output":"?   \tc\t[no test files]\n"}
{"Action":"skip","Package":"c"}
`
	reasons, err := read(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	write(&got, reasons)
	want := `
=== 4 cases were skipped
    2  no nginx on PATH
    1  a JDK is needed; Debian: apt-get install it
    1  no reason given
`
	if got.String() != want {
		t.Errorf("got %s\nwant %s", got.String(), want)
	}
}

func TestNothingIsPrintedWhereNothingWasSkipped(t *testing.T) {
	var got strings.Builder
	write(&got, nil)
	if got.Len() > 0 {
		t.Errorf("printed %q", got.String())
	}
}

func TestALineThatIsNoEventIsAnError(t *testing.T) {
	if _, err := read(strings.NewReader("panic: no JSON\n")); err == nil {
		t.Error("no error")
	}
}

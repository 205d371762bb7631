package address_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_es/plugin/address"
)

// libc is a program that reads lines of seconds and a format, and prints the result of the C
// library's strftime in UTC, as the built-in plugin does.
const libc = `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int main(void) {
  char line[512], out[2048];
  while (fgets(line, sizeof line, stdin)) {
    char *format;
    long long seconds = strtoll(line, &format, 10);
    time_t t = (time_t) seconds;
    struct tm tm;
    format[strcspn(format, "\n")] = 0;
    gmtime_r(&t, &tm);
    size_t n = strftime(out, sizeof out, format + 1, &tm);
    fwrite(out, 1, n, stdout);
    putchar(0);
  }
  return 0;
}
`

// instants are around the turns of years, weeks, months and centuries.
func instants() (all []int64) {
	for year := 1901; year < 2120; year += 3 {
		for _, day := range []int{-3, -1, 0, 1, 3, 58, 59, 60} {
			all = append(all, time.Date(year, 1, 1+day, (year+day+24)%24, year%60, (year*7)%60, 0, time.UTC).Unix())
		}
	}
	return append(all, -1, 0, 1<<31-1, 1<<31, 1<<32-1, 1<<32, 253402300799, 4107542400)
}

// Every accepted conversion gives the C library's result, except %v, which the C library lacks, and
// years before 1000, which it doesn't pad.
func TestDatesAreThoseOfTheCLibrary(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skipf("no C compiler: %v", err)
	}
	dir := t.TempDir()
	source, program := filepath.Join(dir, "libc.c"), filepath.Join(dir, "libc")
	if err := os.WriteFile(source, []byte(libc), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(cc, "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	formats := []string{
		"%Y-%m-%dT%H:%M:%S", "%Y.%m.%d", "%d/%b/%Y:%T", "Jan 2 15:04:05 2006 %Y MST -0700 Monday", "%%Y%%%Y%%", "100%% of %j", "%Y%m%d%H%M%S", "no conversion", "%Hh%Mm PM",
	}
	var taken []string
	for c := byte('!'); c < 0x7f; c++ {
		format := "<%" + string(c) + ">"
		if _, err := address.ParseDate(format); err == nil {
			taken = append(taken, string(c))
			if c != 'v' {
				formats = append(formats, format)
			}
		}
	}
	if want := "% A B C D F G H I M R S T U V W X Y Z a b c d e g h j k l m n p r s t u v w x y z"; strings.Join(taken, " ") != want {
		t.Errorf("taken are\n%s, the test knows\n%s", strings.Join(taken, " "), want)
	}
	var input bytes.Buffer
	for _, format := range formats {
		for _, at := range instants() {
			fmt.Fprintf(&input, "%d %s\n", at, format)
		}
	}
	command := exec.Command(program)
	command.Env = []string{"LC_ALL=C"}
	command.Stdin = &input
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bytes.Split(output, []byte{0})
	for i, format := range formats {
		date, err := address.ParseDate(format)
		if err != nil {
			t.Fatal(err)
		}
		faults := 0
		for k, at := range instants() {
			want := string(answers[i*len(instants())+k])
			if got := date.FormatString(time.Unix(at, 0).UTC()); got != want {
				if faults++; faults <= 2 {
					t.Errorf("%s of %d is %q, the C library says %q", format, at, got, want)
				}
			}
		}
	}
}

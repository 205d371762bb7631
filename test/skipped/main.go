// Command skipped prints a line for each reason for which tests were skipped, with the number of
// cases. gotestsum calls it at the end of "make test". It reads the events of "go test -json" from
// the file named by GOTESTSUM_JSONFILE.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	file, err := os.Open(os.Getenv("GOTESTSUM_JSONFILE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "skipped:", err)
		os.Exit(1)
	}
	defer file.Close()
	reasons, err := read(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "skipped:", err)
		os.Exit(1)
	}
	write(os.Stdout, reasons)
}

// event holds the fields of test2json's events that the summary needs.
type event struct{ Action, Package, Test, Output string }

// read returns how many cases each reason skipped.
//
// Possible errors: the reader's; a line that is not JSON.
func read(from io.Reader) (map[string]int, error) {
	type test struct{ pkg, name string }
	printed := map[test][]string{} // by tests that have not ended
	reasons := map[string]int{}
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return nil, fmt.Errorf("events of go test: %w", err)
			}
			t := test{e.Package, e.Test}
			switch e.Action {
			case "output":
				printed[t] = append(printed[t], e.Output)
			case "skip":
				if e.Test != "" { // a package without tests is no case
					reasons[reason(printed[t])]++
				}
				delete(printed, t)
			case "pass", "fail":
				delete(printed, t)
			}
		}
		if err == io.EOF {
			return reasons, nil
		}
		if err != nil {
			return nil, fmt.Errorf("events of go test: %w", err)
		}
	}
}

var (
	position = regexp.MustCompile(`^ +[\w./-]+\.go:\d+: `)
	blanks   = regexp.MustCompile(`\s+`)
)

// reason returns the last message that a test printed by t.Skip or t.Log, on one line.
func reason(printed []string) string {
	last := ""
	for _, line := range printed {
		switch {
		case position.MatchString(line):
			last = position.ReplaceAllString(line, "")
		case strings.HasPrefix(line, "        ") && last != "": // the message's next line
			last = strings.TrimSpace(last) + ";" + line
		}
	}
	if last == "" {
		return "no reason given"
	}
	return blanks.ReplaceAllString(strings.TrimSpace(last), " ")
}

// write prints the reasons, most cases first.
func write(to io.Writer, reasons map[string]int) {
	total := 0
	var all []string
	for r, n := range reasons {
		all = append(all, r)
		total += n
	}
	if total == 0 {
		return
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(reasons[b]-reasons[a], strings.Compare(a, b)) })
	fmt.Fprintf(to, "\n=== %d cases were skipped\n", total)
	for _, r := range all {
		fmt.Fprintf(to, "%5d  %s\n", reasons[r], r)
	}
}

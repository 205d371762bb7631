package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// benchmarkLine is one of `go test -bench`: its name, rounds, and figures with
// their units.
var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// encodeUnits are the units that are kept, with their names in the figures, empty for that of the
// benchmark, and their metrics.
var encodeUnits = map[string]struct{ name, metric string }{
	"MB/s":                  {"", "mb_per_s"},
	"allocs/op":             {"", "allocations"},
	"copies":                {"", "copies"},
	"piecewise-copies":      {"", "piecewise_copies"},
	"copied-MB/s":           {"Copy", "mb_per_s"},
	"copied-piecewise-MB/s": {"CopyPiecewise", "mb_per_s"},
}

// measureEncode runs the Go benchmarks of the encode path. It needs no Fluent
// Bit.
func (b *bench) measureEncode() error {
	command := exec.CommandContext(b, "go", "test", "-run", "^$", "-bench", "^Benchmark(Document|DocumentMixed|BesideCopy|Compact)$",
		"-benchmem", "-benchtime", "300ms", "-count", strconv.Itoa(b.rounds), "./plugin/document")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	b.figures.addBenchmarks(out)
	for _, name := range b.figures.outputs("encode", "2 MB chunk") {
		if speed := b.figures.encode(name, "mb_per_s"); speed.n > 0 {
			b.say("encode %-14s %s MB/s", name, speed.text(0))
		}
	}
	return nil
}

// addBenchmarks adds the output of `go test -bench`.
func (f *figures) addBenchmarks(out []byte) {
	rounds := map[string]int{}
	for _, m := range benchmarkLine.FindAllSubmatch(out, -1) {
		benchmark := string(m[1])
		words := strings.Fields(string(m[2]))
		for i := 0; i+1 < len(words); i += 2 {
			unit, known := encodeUnits[words[i+1]]
			value, err := strconv.ParseFloat(words[i], 64)
			if !known || err != nil {
				continue
			}
			name := cmp.Or(unit.name, benchmark)
			f.add(figure{"encode", "2 MB chunk", name, unit.metric, rounds[benchmark], value})
		}
		rounds[benchmark]++
	}
}

func (f figures) encode(name, metric string) spread {
	return spreadOf(f.values("encode", "2 MB chunk", name, metric))
}

func (f figures) encodeBars() []bar {
	document, compact := f.encode("Document", "mb_per_s"), f.encode("Compact", "mb_per_s")
	copies, piecewise := f.encode("BesideCopy", "copies"), f.encode("BesideCopy", "piecewise_copies")
	allocations := f.encode("Document", "allocations").high
	return []bar{
		{what: "encode path against copying the same bytes", bar: "at least 1/10", got: fmt.Sprintf("1/%s; against copying them in pieces 1/%s", copies.text(1), piecewise.text(1)), verdict: atMost(copies.median, 10)},
		{what: "encode path against encoding/json's Compact", bar: "at least 5 times", got: fmt.Sprintf("%.1f times: %s MB/s (%.1f where no two records have the same pod)", document.median/compact.median, document.text(0), f.encode("DocumentMixed", "mb_per_s").median/compact.median), verdict: atLeast(document.median/compact.median, 5)},
		{what: "encode path, allocations", bar: "0 a record", got: fmt.Sprintf("%.0f a chunk", allocations), verdict: atMost(allocations, 0)},
	}
}

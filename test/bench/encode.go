package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// benchmarkLine is one of `go test -bench`: name, rounds, time, MB/s, B/op and
// allocations.
var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-\d+)?\s.*?([\d.]+) MB/s\s+\d+ B/op\s+(\d+) allocs/op`)

// measureEncode runs the Go benchmarks of the encode path. It needs no Fluent
// Bit.
func (b *bench) measureEncode() error {
	command := exec.CommandContext(b, "go", "test", "-run", "^$", "-bench", "^Benchmark(Document|DocumentMixed|Copy|Compact)$",
		"-benchmem", "-benchtime", "300ms", "-count", strconv.Itoa(b.rounds), "./plugin/document")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	rounds := map[string]int{}
	for _, m := range benchmarkLine.FindAllSubmatch(bytes.TrimSpace(out), -1) {
		name := string(m[1])
		speed, _ := strconv.ParseFloat(string(m[2]), 64)
		allocations, _ := strconv.ParseFloat(string(m[3]), 64)
		b.figures.add(figure{"encode", "2 MB chunk", name, "mb_per_s", rounds[name], speed})
		b.figures.add(figure{"encode", "2 MB chunk", name, "allocations", rounds[name], allocations})
		rounds[name]++
	}
	for _, name := range b.figures.outputs("encode", "2 MB chunk") {
		b.say("encode %-14s %s MB/s", name, spreadOf(b.figures.values("encode", "2 MB chunk", name, "mb_per_s")).text(0))
	}
	return nil
}

func (f figures) encodeBars() []bar {
	speed := func(name string) spread { return spreadOf(f.values("encode", "2 MB chunk", name, "mb_per_s")) }
	document, copied, compact := speed("Document"), speed("Copy"), speed("Compact")
	allocations := spreadOf(f.values("encode", "2 MB chunk", "Document", "allocations")).high
	return []bar{
		{"encode path alone, against copying the same bytes", "at least 1/10", fmt.Sprintf("1/%.1f: %s MB/s", copied.median/document.median, document.text(0)), atLeast(document.median/copied.median, 0.1)},
		{"encode path alone, against encoding/json's Compact", "at least 5 times", fmt.Sprintf("%.1f times (%.1f where no two records have the same pod)", document.median/compact.median, speed("DocumentMixed").median/compact.median), atLeast(document.median/compact.median, 5)},
		{"encode path alone, allocations", "0 a record", fmt.Sprintf("%.0f a chunk", allocations), atMost(allocations, 0)},
	}
}

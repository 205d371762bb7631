package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// figure is one thing that was measured once.
type figure struct {
	part   string // of the run: cpu, memory, …
	with   string // the case within the part: "plain", "2000 records/s", "tags=100" …
	output string // the measured output
	metric string // with its unit as its last word: "cpu_s", "rss_kb", …
	round  int
	value  float64
}

// figures are all that was measured, in order.
type figures []figure

// add appends a figure with the digits that its file has, so that the page of a run is that of the
// file.
func (f *figures) add(one figure) {
	one.value, _ = strconv.ParseFloat(one.digits(), 64)
	*f = append(*f, one)
}

// digits is the value as the file has it.
func (f figure) digits() string { return strconv.FormatFloat(f.value, 'g', 6, 64) }

// values are those of one metric, by round.
func (f figures) values(part, with, output, metric string) []float64 {
	var all []float64
	for _, one := range f {
		if one.part == part && one.with == with && one.output == output && one.metric == metric {
			all = append(all, one.value)
		}
	}
	return all
}

// byRound are the means of a metric in each round, from the first on.
func (f figures) byRound(part, with, output, metric string) []float64 {
	var sums, counts []float64
	for _, one := range f {
		if one.part != part || one.with != with || one.output != output || one.metric != metric {
			continue
		}
		for len(sums) <= one.round {
			sums, counts = append(sums, 0), append(counts, 0)
		}
		sums[one.round] += one.value
		counts[one.round]++
	}
	for round := range sums {
		sums[round] /= counts[round]
	}
	return sums
}

// cases of a part, in the order in which they were measured.
func (f figures) cases(part string) []string {
	var all []string
	for _, one := range f {
		if one.part == part && !slices.Contains(all, one.with) {
			all = append(all, one.with)
		}
	}
	return all
}

// outputs of a case, in the order in which they were measured.
func (f figures) outputs(part, with string) []string {
	var all []string
	for _, one := range f {
		if one.part == part && one.with == with && !slices.Contains(all, one.output) {
			all = append(all, one.output)
		}
	}
	return all
}

// spread is a median with its range.
type spread struct {
	median, low, high float64
	n                 int
}

// spreadOf returns NaN for no values.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1], len(sorted)}
}

// text shows a median and the spread with that many digits behind the point.
func (s spread) text(digits int) string {
	if s.n == 0 {
		return "not measured"
	}
	if s.n == 1 {
		return fmt.Sprintf("%.*f", digits, s.median)
	}
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, s.median, digits, s.low, digits, s.high)
}

// csvHead is the first line of a file of figures.
var csvHead = []string{"part", "case", "output", "metric", "round", "value"}

// write writes them as CSV.
func (f figures) write(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write(csvHead) // the writer remembers the first error
	for _, one := range f {
		_ = out.Write([]string{one.part, one.with, one.output, one.metric, strconv.Itoa(one.round), one.digits()})
	}
	out.Flush()
	return out.Error()
}

// readFigures reads the file of write; a missing file has no figures.
func readFigures(path string) (figures, error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, err
	}
	var all figures
	for i, row := range rows {
		if i == 0 {
			continue
		}
		round, err := strconv.Atoi(row[4])
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, i+1, err)
		}
		value, err := strconv.ParseFloat(row[5], 64)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, i+1, err)
		}
		all.add(figure{row[0], row[1], row[2], row[3], round, value})
	}
	return all, nil
}

// without are the figures of all other parts.
func (f figures) without(parts []string) figures {
	return slices.DeleteFunc(slices.Clone(f), func(one figure) bool {
		return slices.Contains(parts, strings.TrimPrefix(one.part, statePrefix))
	})
}

// withoutCases are the figures of all cases that newer doesn't have.
func (f figures) withoutCases(newer figures) figures {
	type place struct{ part, with string }
	measured := make(map[place]bool)
	for _, one := range newer {
		if one.part == "machine" {
			one.with = ""
		}
		measured[place{one.part, one.with}] = true
	}
	return slices.DeleteFunc(slices.Clone(f), func(one figure) bool {
		if one.part == "machine" {
			one.with = ""
		}
		return measured[place{one.part, one.with}]
	})
}

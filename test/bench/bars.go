package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// bar is one row of the table of bounds, with its measurement.
type bar struct {
	what, bar string
	goal      string // beyond the bar; empty: none
	got       string
	verdict   verdict
	reached   bool // the goal
}

// verdict says whether a bar is reached.
type verdict int

const (
	notMeasured verdict = iota
	met
	notMet
	told // there is no bar
)

func (v verdict) String() string {
	return [...]string{"not measured", "met", "**missed**", "no bar"}[v]
}

// atMost judges a figure for which less is better.
func atMost(got, limit float64) verdict {
	switch {
	case math.IsNaN(got):
		return notMeasured
	case got <= limit:
		return met
	}
	return notMet
}

// atLeast judges a figure for which more is better.
func atLeast(got, limit float64) verdict { return atMost(-got, -limit) }

// bars are the rows of the table, in its order.
func (f figures) bars() []bar {
	rows := append(f.ordinaryBars(),
		f.cpuBar("CPU of the output alone, against the built-in `es`", "es_go", "es", 0.21, 0.18),
		f.cpuBar("the same with gzip on both", "es_go, gzip", "es, gzip", 0.27, 0.22),
		f.floorRow("ready-made", "es"),
		f.floorRow("ready-made, gzip", "es, gzip"),
		f.cpuBar("against a textbook Go plugin", "es_go", "textbook", 1.0/15, 1.0/15),
		f.throughputBar("throughput, agent to sink", "cpu", "es_go", 1, 1),
		f.throughputBar("the same with gzip on both", "cpu", "es_go, gzip", 1, 1),
		f.throughputBar("throughput, agent to the real Elasticsearch, one worker", "real", "es_go", 1.05, 1.15),
		f.throughputBar("the same with gzip on both", "real", "es_go, gzip", 1.05, 1.15),
		f.throughputBar("the same with two workers", "real", "es_go, 2 workers", 1.05, 1.15),
		f.throughputBar("the same with two workers, and gzip on both", "real", "es_go, gzip, 2 workers", 1.05, 1.15),
	)
	rows = append(rows, f.encodeBars()...)
	for _, ours := range []string{"es_go", "es_go, gzip"} {
		rows = append(rows,
			f.memoryBar("resident at 2,000 records a second, over the agent with `es`", "2000 records/s", ours, "rss_kb", 8),
			f.memoryBar("of it anonymous", "2000 records/s", ours, "anonymous_kb", 3),
			f.memoryBar("resident while a 200 MB backlog drains, over `es`", "200 MB backlog", ours, "rss_kb", 12),
			f.memoryBar("resident while Elasticsearch is away for a minute, over `es`", "Elasticsearch away", ours, "rss_kb", 12),
			f.flatBar(ours))
	}
	rows = append(rows, f.largeBars()...)
	rows = append(rows, f.startBars()...)
	return append(rows, f.growthBars()...)
}

// net is the CPU of an output alone, by round: less the mean of the runs of `null` in the same
// round, since the machine's other load changes with time.
func (f figures) net(part, with, output string) []float64 {
	all, without := f.byRound(part, with, output, "cpu_s"), f.byRound(part, with, "null", "cpu_s")
	var net []float64
	for i := range min(len(all), len(without)) {
		net = append(net, all[i]-without[i])
	}
	return net
}

func (f figures) netMedian(part, with, output string) float64 {
	return spreadOf(f.net(part, with, output)).median
}

func (f figures) cpuBar(what, ours, theirs string, limit, goal float64) bar {
	a, b := f.netMedian("cpu", "tail", ours), f.netMedian("cpu", "tail", theirs)
	got := fmt.Sprintf("%.3f: %.2f s of %.2f s; by round %s", a/b, a, b, ratios(f.net("cpu", "tail", ours), f.net("cpu", "tail", theirs)).text(3))
	return withGoal(what+" ("+ours+")", "%.3g", got, a/b, limit, goal)
}

// floorRow says how far down an output could go at all.
func (f figures) floorRow(floor, theirs string) bar {
	a, b := f.netMedian("cpu", "tail", floor), f.netMedian("cpu", "tail", theirs)
	row := bar{what: "what sending as many bytes costs that lie ready (" + floor + ")", got: fmt.Sprintf("%.3f: %.2f s of %.2f s", a/b, a, b), verdict: told}
	if math.IsNaN(a / b) {
		row.verdict = notMeasured
	}
	return row
}

// ratios of two lists, round by round.
func ratios(a, b []float64) spread {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, a[i]/b[i])
	}
	return spreadOf(all)
}

func (f figures) throughputBar(what, part, ours string, limit, goal float64) bar {
	with, theirs := f.cases(part), "es"
	if strings.Contains(ours, gzip) {
		theirs = "es, gzip"
	}
	row := bar{what: what + " (" + ours + ")", bar: fmt.Sprintf("at least %g of `es`", limit)}
	if len(with) == 0 {
		return row
	}
	a, b := f.values(part, with[0], ours, "records_per_s"), f.values(part, with[0], theirs, "records_per_s")
	ratio := spreadOf(a).median / spreadOf(b).median
	row.got = fmt.Sprintf("%.2f of it: %s to %s records/s", ratio, spreadOf(a).text(0), spreadOf(b).text(0))
	row.verdict = atLeast(ratio, limit)
	if goal > limit {
		row.goal, row.reached = fmt.Sprintf("%g", goal), ratio >= goal
	}
	return row
}

func (f figures) memoryBar(what, with, ours, metric string, limit float64) bar {
	a, b := f.values("memory", with, ours, metric), f.values("memory", with, "es", metric)
	over := megabytes(spreadOf(a).median - spreadOf(b).median)
	return bar{what: what + " (" + ours + ")", bar: fmt.Sprintf("at most +%g MB", limit),
		got: fmt.Sprintf("%+.1f MB: %.1f over %.1f", over, megabytes(spreadOf(a).median), megabytes(spreadOf(b).median)), verdict: atMost(over, limit)}
}

// flatMB is the maximum difference between the two halves of an outage: half of the agent's own
// variation.
const flatMB = 2

func (f figures) flatBar(ours string) bar {
	half := func(which string) float64 {
		return megabytes(spreadOf(f.values("memory", "Elasticsearch away, "+which+" half", ours, "rss_kb")).median)
	}
	grown := half("second") - half("first")
	return bar{what: "the same, flat in time: second half minute over the first (" + ours + ")", bar: fmt.Sprintf("at most +%d MB", flatMB),
		got: fmt.Sprintf("%+.1f MB", grown), verdict: atMost(grown, flatMB)}
}

func (f figures) startBars() []bar {
	threads := func(with string) bar {
		most := func(output string) float64 { return spreadOf(f.values("start", with, output, "threads")).high }
		over := most("es_go") - most("es")
		return withGoal("threads over the agent with `es`, a backlog, "+with, "+%g", fmt.Sprintf("%+.0f: %.0f over %.0f", over, most("es_go"), most("es")), over, 4, 3)
	}
	start := spreadOf(f.values("start", "start-up", "es_go", "start_ms"))
	none := spreadOf(f.values("start", "start-up", "null", "start_ms"))
	size := spreadOf(f.values("start", "out_es.so", "es_go", "bytes")).median / 1e6
	return []bar{
		withGoal("`out_es.so`, stripped", "%g MB", fmt.Sprintf("%.2f MB", size), size, 9.5, 9),
		threads("one worker"),
		threads("no worker"),
		{what: "start-up added to the agent", bar: "at most 30 ms", got: fmt.Sprintf("%.1f ms: %s over %s", start.median-none.median, start.text(1), none.text(1)),
			verdict: atMost(start.median-none.median, 30)},
	}
}

// judged is the verdict in words, with the goal's.
func (b bar) judged() string {
	switch {
	case b.reached:
		return "met, and the goal"
	case b.verdict == met && b.goal != "":
		return "met, not the goal"
	}
	return b.verdict.String()
}

// limits are the bar and the goal in words.
func (b bar) limits() string {
	if b.goal == "" {
		return b.bar
	}
	return b.bar + ", goal " + b.goal
}

// print shows the rows as text.
func printBars(w io.Writer, rows []bar) {
	for _, row := range rows {
		if row.verdict != notMeasured {
			fmt.Fprintf(w, "%-17s %s\n                  %s; measured: %s\n", row.judged(), row.what, row.limits(), row.got)
		}
	}
}

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

// verdict reports whether a bar is reached.
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
		f.cpuBar("backlog: CPU against `es`", "es_go", "es", 0.21, 0.18),
		f.cpuBar("backlog: CPU against `es`", "es_go, gzip", "es, gzip", 0.27, 0.22),
		f.floorRow("ready-made", "es"),
		f.floorRow("ready-made, gzip", "es, gzip"),
		f.cpuBar("backlog: CPU against a textbook Go plugin", "es_go", "textbook", 1.0/15, 1.0/15),
		f.throughputBar("throughput to the sink", "cpu", "es_go", 1, 1),
		f.throughputBar("throughput to the sink", "cpu", "es_go, gzip", 1, 1),
		f.throughputBar("throughput to the real Elasticsearch", "real", "es_go", 1.05, 1.15),
		f.throughputBar("throughput to the real Elasticsearch", "real", "es_go, gzip", 1.05, 1.15),
		f.throughputBar("throughput to the real Elasticsearch", "real", "es_go, 2 workers", 1.05, 1.15),
		f.throughputBar("throughput to the real Elasticsearch", "real", "es_go, gzip, 2 workers", 1.05, 1.15),
	)
	rows = append(rows, f.encodeBars()...)
	for _, ours := range []string{"es_go", "es_go, gzip"} {
		rows = append(rows,
			f.memoryBar("resident at 2,000 records a second, over `es`", "2000 records/s", ours, "rss_kb", 8),
			f.memoryBar("anonymous at 2,000 records a second, over `es`", "2000 records/s", ours, "anonymous_kb", 3),
			f.memoryBar("resident, a 200 MB backlog drains, over `es`", "200 MB backlog", ours, "rss_kb", 12),
			f.memoryBar("resident, Elasticsearch away for a minute, over `es`", "Elasticsearch away", ours, "rss_kb", 12),
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
	row := bar{what: "floor: the same bytes sent from memory (" + floor + ")", got: fmt.Sprintf("%.3f: %.2f s of %.2f s", a/b, a, b), verdict: told}
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
	row.got = fmt.Sprintf("%.2f: %s to %s records/s; by round %s", ratio, spreadOf(a).text(0), spreadOf(b).text(0), ratios(a, b).text(2))
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
	return bar{what: "resident in the second half of that minute, over the first (" + ours + ")", bar: fmt.Sprintf("at most +%d MB", flatMB),
		got: fmt.Sprintf("%+.1f MB", grown), verdict: atMost(grown, flatMB)}
}

func (f figures) startBars() []bar {
	threads := func(with string) bar {
		most := func(output string) float64 { return spreadOf(f.values("start", with, output, "threads")).high }
		over := most("es_go") - most("es")
		return withGoal("threads over `es`, backlog, "+with, "+%g", fmt.Sprintf("%+.0f: %.0f over %.0f", over, most("es_go"), most("es")), over, 4, 3)
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

// of splits the output off the name of a row: "… (es_go, gzip)".
func (b bar) of() (what, output string) {
	if i := strings.LastIndex(b.what, " ("); i >= 0 && strings.HasSuffix(b.what, ")") {
		return b.what[:i], strings.TrimSuffix(b.what[i+2:], ")")
	}
	return b.what, ""
}

// brief is the row's figure without its parts, in bold where the bar is missed.
func (b bar) brief() string {
	got, _, _ := strings.Cut(b.got, ":")
	got, _, _ = strings.Cut(got, ";")
	switch {
	case b.verdict == notMeasured:
		got = "not measured"
	case b.verdict == notMet:
		got = "**" + got + "**"
	case b.reached:
		got += " (goal)"
	}
	return got
}

// labelled puts the variant of the output before a text: gzip, spool.
func (b bar) labelled(text string) string {
	_, output := b.of()
	if _, variant, found := strings.Cut(output, ", "); found {
		return variant + " " + text
	}
	return text
}

// barTable has a row for each thing that has a bar, with all outputs. Floors have no bar; other
// tables have them.
func barTable(out io.Writer, rows []bar) {
	fmt.Fprint(out, "| | bar (goal) | measured |\n| --- | --- | --- |\n")
	short := strings.NewReplacer("at most ", "≤ ", "at least ", "≥ ")
	var order []string
	limits, measured := map[string][]string{}, map[string][]string{}
	for _, row := range rows {
		what, _ := row.of()
		if row.bar == "" {
			continue
		}
		limit := row.bar
		if row.goal != "" {
			limit += " (" + row.goal + ")"
		}
		if limits[what] == nil {
			order = append(order, what)
			limits[what] = []string{limit}
		} else if limit != limits[what][0] {
			limits[what] = append(limits[what], row.labelled(limit))
		}
		measured[what] = append(measured[what], row.labelled(row.brief()))
	}
	for _, what := range order {
		fmt.Fprintf(out, "| %s | %s | %s |\n", what, short.Replace(strings.Join(limits[what], "; ")), strings.Join(measured[what], "; "))
	}
}

// printBars writes the rows as text.
func printBars(w io.Writer, rows []bar) {
	for _, row := range rows {
		if row.verdict != notMeasured {
			fmt.Fprintf(w, "%-17s %s\n                  %s; measured: %s\n", row.judged(), row.what, row.limits(), row.got)
		}
	}
}

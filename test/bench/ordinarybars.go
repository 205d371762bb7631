package main

import (
	"fmt"
	"math"
	"strings"
)

// day is an output's cost under a steady load, medians: CPU and context switches over the agent
// with null, memory and threads over the agent with es.
type day struct {
	cpu, outside, switches  float64 // seconds a second; a flush
	rss, anonymous, threads float64 // MB
}

// esOf is the built-in output that an output is compared with.
func esOf(output string) string {
	if strings.HasSuffix(output, ", gzip") {
		return "es, gzip"
	}
	return "es"
}

func (f figures) day(part, with, output string) day {
	over := func(baseline, metric string) float64 {
		return spreadOf(f.differences(part, with, output, baseline, metric)).median
	}
	es := esOf(output)
	return day{
		cpu: over("null", "cpu_s"), outside: over("null", "outside_s"), switches: over("null", "switches"),
		rss: megabytes(over(es, "rss_kb")), anonymous: megabytes(over(es, "anonymous_kb")), threads: over(es, "threads"),
	}
}

// differences are a metric over that of another output, round by round.
func (f figures) differences(part, with, output, baseline, metric string) []float64 {
	all, without := f.byRound(part, with, output, metric), f.byRound(part, with, baseline, metric)
	var over []float64
	for i := range min(len(all), len(without)) {
		over = append(over, all[i]-without[i])
	}
	return over
}

// ordinaryBars are the rows of issue 17's table that an ordinary day has.
func (f figures) ordinaryBars() []bar {
	gzipped := []string{"es_go, gzip", spooled + ", gzip"}
	return []bar{
		f.dayBar(busyNode, "es_go", 0.9, 0.75),
		f.dayBar(busyNode, spooled, 0.6, 0.4),
		f.dayBar(quietNode, "es_go", 2, 1.4),
		f.dayBar(quietNode, spooled, 1.5, 1),
		f.dayBar(slowServer, "es_go", 1.2, 1),
		f.dayBar(slowServer, spooled, 1.2, 1),
		f.dayBar(overTLS, "es_go", 1.2, 1),
		f.dayBar(overTLS, spooled, 1.2, 1),
		f.dayFloor(withGzip, gzipped[0]),
		f.dayFloor(withGzip, gzipped[1]),
		f.dayFloor(busyNode, "ready-made"),
		f.dayFloor(quietNode, "ready-made"),
		f.switchesBar("es_go", 4, 3),
		f.switchesBar(spooled, 2, 1),
		f.dayMemoryBar("resident", "es_go", func(d day) float64 { return d.rss }, 4, 3),
		f.dayMemoryBar("anonymous", "es_go", func(d day) float64 { return d.anonymous }, 2, 1),
		f.dayMemoryBar("resident", spooled, func(d day) float64 { return d.rss }, 4, 3),
		f.dayMemoryBar("anonymous", spooled, func(d day) float64 { return d.anonymous }, 2, 1),
		f.dayThreadsBar("es_go", 4, 3),
		f.dayThreadsBar(spooled, 4, 3),
	}
}

// ratioText shows a ratio with its parts, the part outside Fluent Bit's own thread, and the range
// of the rounds.
func (f figures) ratioText(with, ours string) (ratio float64, text string) {
	a, b := f.day("ordinary", with, ours), f.day("ordinary", with, esOf(ours))
	net := func(output string) []float64 { return f.differences("ordinary", with, output, "null", "cpu_s") }
	return a.cpu / b.cpu, fmt.Sprintf("%.2f: %.1f of %.1f ms a second; by round %s; outside the pipeline thread %.2f: %.1f of %.1f ms", a.cpu/b.cpu, 1000*a.cpu, 1000*b.cpu,
		ratios(net(ours), net(esOf(ours))).text(2), a.outside/b.outside, 1000*a.outside, 1000*b.outside)
}

func (f figures) dayBar(l load, ours string, limit, goal float64) bar {
	ratio, text := f.ratioText(l.name(), ours)
	return withGoal(fmt.Sprintf("%s: CPU against `es` (%s)", l.name(), ours), "%.3g", text, ratio, limit, goal)
}

// dayFloor is a row without a bar.
func (f figures) dayFloor(l load, ours string) bar {
	ratio, text := f.ratioText(l.name(), ours)
	row := bar{what: fmt.Sprintf("%s: CPU, against `%s` (%s)", l.name(), esOf(ours), ours), got: text, verdict: told}
	if math.IsNaN(ratio) {
		row.verdict = notMeasured
	}
	return row
}

func (f figures) switchesBar(ours string, limit, goal float64) bar {
	ours_, es := f.day("ordinary", busyNode.name(), ours).switches, f.day("ordinary", busyNode.name(), "es").switches
	return withGoal(fmt.Sprintf("%s: context switches a flush (%s)", busyNode.name(), ours), "%g", fmt.Sprintf("%.1f; `es` %.1f", ours_, es), ours_, limit, goal)
}

func (f figures) dayMemoryBar(what, ours string, of func(day) float64, limit, goal float64) bar {
	over := of(f.day("ordinary", busyNode.name(), ours))
	return withGoal(fmt.Sprintf("%s: %s memory over `es` (%s)", busyNode.name(), what, ours), "+%g MB", fmt.Sprintf("%+.1f MB", over), over, limit, goal)
}

func (f figures) dayThreadsBar(ours string, limit, goal float64) bar {
	over := f.day("ordinary", busyNode.name(), ours).threads
	return withGoal(fmt.Sprintf("%s: threads over `es` (%s)", busyNode.name(), ours), "+%g", fmt.Sprintf("%+.0f", over), over, limit, goal)
}

// withGoal is a row with a bar and, beyond it, a goal.
func withGoal(what, unit, got string, value, limit, goal float64) bar {
	row := bar{what: what, bar: fmt.Sprintf("at most "+unit, limit), goal: fmt.Sprintf(unit, goal), got: got, verdict: atMost(value, limit)}
	if goal == limit {
		row.goal = ""
		return row
	}
	row.reached = row.verdict == met && value <= goal
	return row
}

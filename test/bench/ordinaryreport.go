package main

import (
	"fmt"
	"math"
	"strings"
)

// ordinaryParts are the parts with steady loads, with the texts above their tables.
var ordinaryParts = []struct{ part, title, text string }{
	{"ordinary", "The ordinary day", "Medians over the agent with `null`: CPU in milliseconds a second, its ratio to `es` (also outside Fluent Bit's pipeline thread), " +
		"and voluntary context switches a flush. Memory in MB (10^6 bytes) and threads are over the agent with `es`."},
	{"tags", "The ordinary day, as tags grow", "So many files, each a tag of its own, of 2 lines a second each. Figures far below 1 ms a second are noise."},
	{"rate", "The ordinary day, as the rate grows", "30 files of so many lines a second each."},
}

func (f figures) ordinaryTables(out *strings.Builder) {
	for _, p := range ordinaryParts {
		if len(f.cases(p.part)) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n## %s\n\n%s\n%s\n\n| load | output | CPU | ratio | outside | switches | requests/s | resident | anonymous | threads |\n"+
			"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", p.title, f.origin(p.part), p.text)
		for _, with := range f.cases(p.part) {
			load := with
			for _, o := range f.outputs(p.part, with) {
				if o != "null" {
					fmt.Fprintf(out, "| %s %s\n", load, f.ordinaryRow(p.part, with, o))
					load = ""
				}
			}
		}
	}
	f.cheaperES(out)
}

func (f figures) ordinaryRow(part, with, output string) string {
	d, es := f.day(part, with, output), f.day(part, with, esOf(output))
	row := fmt.Sprintf("| %s | %.2f | %.2f | %.2f | %.1f | %.1f |", output, 1000*d.cpu, d.cpu/es.cpu, d.outside/es.outside, d.switches,
		spreadOf(f.values(part, with, output, "requests")).median)
	if output == esOf(output) || math.IsNaN(d.rss) {
		return row + " | | |"
	}
	return row + fmt.Sprintf(" %+.1f | %+.1f | %+.0f |", d.rss, d.anonymous, d.threads)
}

// cheaperES names each load on which the built-in es costs less.
func (f figures) cheaperES(out *strings.Builder) {
	var rows []string
	for _, p := range ordinaryParts {
		for _, with := range f.cases(p.part) {
			for _, ours := range f.outputs(p.part, with) {
				if !strings.HasPrefix(ours, "es_go") {
					continue
				}
				d, es := f.day(p.part, with, ours), f.day(p.part, with, esOf(ours))
				if d.cpu <= es.cpu {
					continue
				}
				times := "lost in noise"
				if es.cpu > 0 {
					times = fmt.Sprintf("%.2f", d.cpu/es.cpu)
				}
				rows = append(rows, fmt.Sprintf("| %s | %s | %s | %.2f | %+.2f |", with, ours, times, d.outside/es.outside, 1000*(d.cpu-es.cpu)))
			}
		}
	}
	if len(f.cases("ordinary")) == 0 {
		return
	}
	out.WriteString("\n### Where `es` is cheaper\n\n")
	if len(rows) == 0 {
		out.WriteString("On none of the loads above.\n")
		return
	}
	out.WriteString("| load | output | times the CPU of `es` | outside the pipeline thread | ms of CPU more a second |\n| --- | --- | --- | --- | --- |\n" + strings.Join(rows, "\n") + "\n")
}

package main

import (
	"fmt"
	"math"
	"strings"
)

func (f figures) ordinaryTables(out *strings.Builder) {
	if len(f.cases("ordinary")) > 0 {
		fmt.Fprintf(out, "\n## The ordinary day\n\n%s\n"+
			"Medians over the agent with `null`: CPU in milliseconds a second, its ratio to `es` (also outside Fluent Bit's pipeline thread), "+
			"and voluntary context switches a flush. Memory in MB (10^6 bytes) and threads are over the agent with `es`.\n\n"+
			"| load | output | CPU | ratio | outside | switches | requests/s | resident | anonymous | threads |\n"+
			"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", f.origin("ordinary"))
		for _, with := range f.cases("ordinary") {
			load := with
			for _, o := range f.outputs("ordinary", with) {
				if o != "null" {
					fmt.Fprintf(out, "| %s %s\n", load, f.ordinaryRow("ordinary", with, o))
					load = ""
				}
			}
		}
	}
	f.curveTable(out, "tags", "As tags grow", "files", "CPU in milliseconds a second (its ratio to `es`; outside the pipeline thread), of files with 2 lines a second, each a tag. Noise: Fluent Bit's own CPU varies by more.")
	f.curveTable(out, "rate", "As the rate grows", "lines/s", "The same, of 30 files. **Bold**: `es` is cheaper.")
	f.cheaperES(out)
}

// curveTable has a row a load: what es costs, and the plugin without and with a spool.
func (f figures) curveTable(out *strings.Builder, part, title, grows, text string) {
	if len(f.cases(part)) == 0 {
		return
	}
	fmt.Fprintf(out, "\n### %s\n\n%s\n%s\n\n| %s | `es` | `es_go` | spool |\n| --- | --- | --- | --- |\n", title, f.origin(part), text, grows)
	for _, with := range f.cases(part) {
		own := spreadOf(f.values(part, with, "null", "cpu_s"))
		noise := own.high - own.low
		es := f.day(part, with, "es")
		point := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(with, " files × 2 lines/s"), "30 files × "), " lines/s")
		fmt.Fprintf(out, "| %s | %s |", point, milliseconds(es.cpu, es.cpu, noise))
		for _, output := range []string{"es_go", spooled} {
			ours := f.day(part, with, output)
			fmt.Fprintf(out, " %s (%s; %s) |", milliseconds(ours.cpu, es.cpu, noise), timesOf(ours.cpu, es.cpu, noise), timesOf(ours.outside, es.outside, 0))
		}
		out.WriteString("\n")
	}
}

// milliseconds is a cost, unless the agent's own varies by more than that of es.
func milliseconds(cpu, es, noise float64) string {
	if es <= noise {
		return "–"
	}
	return fmt.Sprintf("%.2f", 1000*cpu)
}

// timesOf is a cost as a multiple of that of es, bold where it is more. Where the agent's own cost
// varies by more than that of es, it says nothing.
func timesOf(cpu, es, noise float64) string {
	switch {
	case es <= noise:
		return "noise"
	case cpu > es:
		return fmt.Sprintf("**%.2f**", cpu/es)
	}
	return fmt.Sprintf("%.2f", cpu/es)
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

// cheaperES names each load of the first table on which the built-in es costs less.
func (f figures) cheaperES(out *strings.Builder) {
	const part = "ordinary"
	if len(f.cases(part)) == 0 {
		return
	}
	out.WriteString("\n### Where `es` is cheaper\n\n")
	var rows []string
	for _, with := range f.cases(part) {
		for _, ours := range f.outputs(part, with) {
			d, es := f.day(part, with, ours), f.day(part, with, esOf(ours))
			if strings.HasPrefix(ours, "es_go") && d.cpu > es.cpu {
				rows = append(rows, fmt.Sprintf("| %s | %s | %.2f | %+.2f |", with, ours, d.cpu/es.cpu, 1000*(d.cpu-es.cpu)))
			}
		}
	}
	if len(rows) == 0 {
		out.WriteString("On none of the loads above, unless in **bold**.\n")
		return
	}
	out.WriteString("Besides loads in **bold**:\n\n| load | output | times the CPU of `es` | ms of CPU more a second |\n| --- | --- | --- | --- |\n" +
		strings.Join(rows, "\n") + "\n")
}

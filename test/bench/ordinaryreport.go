package main

import (
	"fmt"
	"math"
	"strings"
)

// ordinaryParts are the parts with steady loads: the first has a row an output, the curves a row a load.
var ordinaryParts = []string{"ordinary", "tags", "rate"}

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
	f.curveTable(out, "tags", "As tags grow", "A file is a tag of its own.")
	f.curveTable(out, "rate", "As the rate grows", "")
	f.cheaperES(out)
}

// curveTable has a row a load: what es costs, and what the plugin does without and with a spool.
func (f figures) curveTable(out *strings.Builder, part, title, text string) {
	if len(f.cases(part)) == 0 {
		return
	}
	fmt.Fprintf(out, "\n### %s\n\n%s\n%s\n\n| load | `es`, ms/s | `es_go` | ratio | spool | ratio | resident | spool |\n"+
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n", title, f.origin(part),
		strings.TrimSpace(text+" CPU over `null`, memory over `es`."))
	for _, with := range f.cases(part) {
		es, ours, spool := f.day(part, with, "es"), f.day(part, with, "es_go"), f.day(part, with, spooled)
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %+.1f | %+.1f |\n", with, 1000*es.cpu,
			1000*ours.cpu, ours.cpu/es.cpu, 1000*spool.cpu, spool.cpu/es.cpu, ours.rss, spool.rss)
	}
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
	for _, part := range ordinaryParts {
		for _, with := range f.cases(part) {
			for _, ours := range f.outputs(part, with) {
				if !strings.HasPrefix(ours, "es_go") {
					continue
				}
				d, es := f.day(part, with, ours), f.day(part, with, esOf(ours))
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

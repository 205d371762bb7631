package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The generated part of docs/benchmarks.md stands between these lines; the
// rest of the page is written by hand and left alone.
const (
	reportBegins = "<!-- Written by \"make bench\" from here on. -->\n"
	reportEnds   = "<!-- Written by \"make bench\" up to here. -->\n"
)

// report draws the plots and writes the page's generated part.
func (f figures) report(docs string) error {
	for name, svg := range map[string]string{"cpu": f.drawCPU(), "growth": f.drawGrowth(), "away": f.drawAway()} {
		if err := os.WriteFile(filepath.Join(docs, "benchmarks", name+".svg"), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	page := filepath.Join(docs, "benchmarks.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), reportBegins)
	_, after, ends := strings.Cut(rest, reportEnds)
	if !begins || !ends {
		return fmt.Errorf("%s lacks the lines between which figures are written:\n%s%s", page, reportBegins, reportEnds)
	}
	return os.WriteFile(page, []byte(before+reportBegins+f.tables()+reportEnds+after), 0o644)
}

func (f figures) tables() string {
	var out strings.Builder
	out.WriteString("\n## Where these figures come from\n\n| | |\n| --- | --- |\n")
	for _, one := range f {
		if one.part == "machine" {
			fmt.Fprintf(&out, "| %s | %s |\n", one.output, one.with)
		}
	}
	out.WriteString("\n## The bars\n\n| what | bar | measured | |\n| --- | --- | --- | --- |\n")
	for _, row := range f.bars() {
		if row.verdict == notMeasured {
			row.got = ""
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", row.what, row.limits(), row.got, row.judged())
	}
	f.ordinaryTables(&out)
	f.cpuTable(&out)
	f.memoryTables(&out)
	f.largeTable(&out)
	f.realTable(&out)
	f.growthTable(&out)
	f.encodeTable(&out)
	return out.String() + "\n"
}

func (f figures) cpuTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## CPU\n\n![CPU of each output](benchmarks/cpu.svg)\n\nThe whole agent's, from its start to its end; medians, with the least and the most. `net` is the median of what they are over `null`'s mean in the same round.\n\n"+
		"| output | CPU, s | user, s | system, s | net, s | net, µs a record | requests | MB sent | records/s to the sink |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, o := range f.outputs("cpu", "tail") {
		get := func(metric string) spread { return spreadOf(f.values("cpu", "tail", o, metric)) }
		net := f.netMedian("cpu", "tail", o)
		row := fmt.Sprintf("| %s | %s | %.2f | %.2f | %.2f | %.2f |", o, get("cpu_s").text(2), get("user_s").median, get("system_s").median, net, net/tableRecords*1e6)
		if o == "null" {
			fmt.Fprintln(out, row+" | | |")
			continue
		}
		fmt.Fprintf(out, "%s %.0f | %.1f | %s |\n", row, get("requests").median, get("wire_bytes").median/1e6, get("records_per_s").text(0))
	}
}

func (f figures) memoryTables(out *strings.Builder) {
	fmt.Fprintf(out, "\n## Memory\n\n![Memory while Elasticsearch is away](benchmarks/away.svg)\n\nMedian over time, and the most, in MB (10^6 bytes).\n\n"+
		"| case | output | resident | most | anonymous | most | PSS | CPU, %% of a core |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, with := range f.cases("memory") {
		if strings.HasSuffix(with, " half") {
			continue
		}
		for _, o := range f.outputs("memory", with) {
			get := func(metric string) float64 { return megabytes(spreadOf(f.values("memory", with, o, metric)).median) }
			share := ""
			if cpu := f.values("memory", with, o, "cpu_percent"); len(cpu) > 0 {
				share = spreadOf(cpu).text(1)
			}
			fmt.Fprintf(out, "| %s | %s | %.1f | %.1f | %.1f | %.1f | %.1f | %s |\n", with, o, get("rss_kb"), get("most_rss_kb"),
				get("anonymous_kb"), get("most_anonymous_kb"), get("pss_kb"), share)
		}
	}
}

func (f figures) largeTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## Large things\n\nThe most memory that was resident, in MB, and how much that is over the agent with `null`.\n\n| case | output | most resident | over `null` | most anonymous |\n| --- | --- | --- | --- | --- |\n")
	for _, with := range f.cases("large") {
		for _, o := range f.outputs("large", with) {
			peak := func(output string) float64 {
				return megabytes(spreadOf(f.values("large", with, output, "peak_kb")).median)
			}
			fmt.Fprintf(out, "| %s | %s | %.1f | %+.1f | %.1f |\n", with, o, peak(o), peak(o)-peak("null"), megabytes(spreadOf(f.values("large", with, o, "anonymous_kb")).median))
		}
	}
}

func (f figures) realTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## The real Elasticsearch\n\nFrom the agent's start until %d documents are indexed, both on the same cores.\n\n| output | records/s | CPU of the agent, s |\n| --- | --- | --- |\n", realRecords)
	for _, o := range f.outputs("real", "Elasticsearch") {
		fmt.Fprintf(out, "| %s | %s | %s |\n", o, spreadOf(f.values("real", "Elasticsearch", o, "records_per_s")).text(0), spreadOf(f.values("real", "Elasticsearch", o, "cpu_s")).text(2))
	}
}

func (f figures) growthTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## As things grow\n\n![CPU as things grow](benchmarks/growth.svg)\n\nNet CPU in seconds (medians): 100,000 records at each number of tags, 50,000 at each number of instances, and %d fields in all at each number of fields.\n\n| | records | `null` | net `es` | net `es_go` |\n| --- | --- | --- | --- | --- |\n", growthFields)
	for _, with := range f.cases("growth") {
		fmt.Fprintf(out, "| %s | %.0f | %.2f | %.2f | %.2f |\n", with, spreadOf(f.values("growth", with, "null", "records")).median,
			spreadOf(f.values("growth", with, "null", "cpu_s")).median, f.netMedian("growth", with, "es"), f.netMedian("growth", with, "es_go"))
	}
}

func (f figures) encodeTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## The encode path alone\n\nA chunk of 2 MB, in memory, on one core.\n\n| | MB/s |\n| --- | --- |\n")
	for _, name := range f.outputs("encode", "2 MB chunk") {
		if speed := f.encode(name, "mb_per_s"); speed.n > 0 {
			fmt.Fprintf(out, "| %s | %s |\n", name, speed.text(0))
		}
	}
}

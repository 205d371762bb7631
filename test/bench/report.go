package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	f.ordinaryTables(&out)
	out.WriteString("\n## The bars\n\n`es_go`, and its variants by name. **Bold**: missed. (goal): the goal is met, too. CPU and context switches are over `null`.\n\n")
	barTable(&out, f.bars())
	f.cpuTable(&out)
	f.memoryTables(&out)
	f.largeTable(&out)
	f.realTable(&out)
	f.growthTable(&out)
	out.WriteString("\n## The machine\n\n| | |\n| --- | --- |\n")
	for _, one := range f {
		if one.part == "machine" {
			fmt.Fprintf(&out, "| %s | %s |\n", one.output, one.with)
		}
	}
	fmt.Fprintf(&out, "| encode path | %s |\n| start-up and size | %s |\n", f.origin("encode"), f.origin("start"))
	return out.String() + "\n"
}

func (f figures) cpuTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## CPU in a backlog\n\n%s\n\n![CPU of each output](benchmarks/cpu.svg)\n\nMedians of the whole agent, from its start to its end; net is over the agent with `null` in the same round.\n\n"+
		"| output | CPU, s | net, µs a record | requests | MB sent | records/s to the sink |\n| --- | --- | --- | --- | --- | --- |\n", f.origin("cpu"))
	for _, o := range f.outputs("cpu", "tail") {
		get := func(metric string) float64 { return spreadOf(f.values("cpu", "tail", o, metric)).median }
		net := f.netMedian("cpu", "tail", o)
		if o == "null" {
			fmt.Fprintf(out, "| %s | %.2f | | | | |\n", o, get("cpu_s"))
			continue
		}
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.0f | %.1f | %.0f |\n", o, get("cpu_s"), net/tableRecords*1e6, get("requests"), get("wire_bytes")/1e6, get("records_per_s"))
	}
}

func (f figures) memoryTables(out *strings.Builder) {
	fmt.Fprintf(out, "\n## Memory\n\n%s\nResident memory in MB (10^6 bytes): median over time, and maximum.\n\n![Memory while Elasticsearch is away](benchmarks/away.svg)\n\n", f.origin("memory"))
	cases := slices.DeleteFunc(f.cases("memory"), func(with string) bool { return strings.HasSuffix(with, " half") })
	f.pivot(out, "memory", cases, func(with, o string) string {
		get := func(metric string) float64 { return megabytes(spreadOf(f.values("memory", with, o, metric)).median) }
		return fmt.Sprintf("%.1f, %.1f", get("rss_kb"), get("most_rss_kb"))
	})
}

func (f figures) largeTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## Large things\n\n%s\nMaximum of resident memory in MB, and its difference to the agent with `null`.\n\n", f.origin("large"))
	f.pivot(out, "large", f.cases("large"), func(with, o string) string {
		peak := func(output string) float64 {
			return megabytes(spreadOf(f.values("large", with, output, "peak_kb")).median)
		}
		return fmt.Sprintf("%.1f, %+.1f", peak(o), peak(o)-peak("null"))
	})
}

// pivot is a table with a row for each output and a column for each case.
func (f figures) pivot(out *strings.Builder, part string, cases []string, cell func(with, output string) string) {
	fmt.Fprintf(out, "| output | %s |\n| --- |%s\n", strings.Join(cases, " | "), strings.Repeat(" --- |", len(cases)))
	var outputs []string
	for _, with := range cases {
		for _, o := range f.outputs(part, with) {
			if !slices.Contains(outputs, o) {
				outputs = append(outputs, o)
			}
		}
	}
	for _, o := range outputs {
		fmt.Fprintf(out, "| %s |", o)
		for _, with := range cases {
			text := ""
			if slices.Contains(f.outputs(part, with), o) {
				text = cell(with, o) + " "
			}
			fmt.Fprintf(out, " %s|", text)
		}
		fmt.Fprintln(out)
	}
}

func (f figures) realTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## The real Elasticsearch\n\n%s\nFrom the agent's start until %d documents are indexed, both on the same cores.\n\n"+
		"| output | records/s | CPU of the agent, s | of Elasticsearch, s | idle, %% |\n| --- | --- | --- | --- | --- |\n", f.origin("real"), realRecords)
	for _, o := range f.outputs("real", "Elasticsearch") {
		get := func(metric string) spread { return spreadOf(f.values("real", "Elasticsearch", o, metric)) }
		fmt.Fprintf(out, "| %s | %s | %.2f | %.2f | %.0f |\n", o, get("records_per_s").text(0), get("cpu_s").median, get("elasticsearch_cpu_s").median, get("idle_percent").median)
	}
}

// growthTable has the plot only: its points are in figures.csv.
func (f figures) growthTable(out *strings.Builder) {
	fmt.Fprintf(out, "\n## As things grow\n\n%s\n\n![CPU as things grow](benchmarks/growth.svg)\n", f.origin("growth"))
}

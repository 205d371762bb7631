package main

import (
	"math"
	"strings"
	"testing"
)

// ordinaryDay is a run in which es costs 10 ms a second over null, es_go 8, and the spool 3.
func ordinaryDay() (f figures) {
	for round, noise := range []float64{0, 0.004, -0.003} { // of the machine, the same for all outputs of a round
		for _, one := range []struct {
			output               string
			cpu, outside         float64
			switches, rss, tasks float64
		}{{"null", 0.05, 0.001, 1, 10_000, 4}, {"es", 0.06, 0.009, 2, 12_000, 4}, {"es_go", 0.058, 0.007, 4.5, 15_000, 8}, {spooled, 0.053, 0.004, 3.5, 16_500, 7}} {
			for metric, value := range map[string]float64{"cpu_s": one.cpu + noise, "outside_s": one.outside, "switches": one.switches, "rss_kb": one.rss, "anonymous_kb": one.rss / 2, "threads": one.tasks} {
				f.add(figure{"ordinary", busyNode.name(), one.output, metric, round, value})
			}
		}
	}
	return f
}

func TestOrdinaryBars(t *testing.T) {
	f := ordinaryDay()
	for what, want := range map[string]string{
		"100 files × 20 lines/s: CPU against `es` (es_go)":                    "met, not the goal",
		"100 files × 20 lines/s: CPU against `es` (es_go, spool)":             "met, and the goal",
		"30 files × 2 lines/s: CPU against `es` (es_go)":                      "not measured",
		"100 files × 20 lines/s: context switches a flush (es_go)":            "met, not the goal",
		"100 files × 20 lines/s: context switches a flush (es_go, spool)":     "**missed**",
		"100 files × 20 lines/s: resident memory over `es` (es_go)":           "met, not the goal",
		"100 files × 20 lines/s: resident memory over `es` (es_go, spool)":    "**missed**",
		"100 files × 20 lines/s: threads over `es` (es_go)":                   "met, not the goal",
		"100 files × 20 lines/s: threads over `es` (es_go, spool)":            "met, and the goal",
		"100 files × 20 lines/s, answers after 3ms: CPU against `es` (es_go)": "not measured",
	} {
		if row := find(t, f, what); row.what != what || row.judged() != want {
			t.Errorf("%q: %s, want %s: %+v", what, row.judged(), want, row)
		}
	}
	if row := find(t, f, "100 files × 20 lines/s: CPU against `es` (es_go)"); !strings.HasPrefix(row.got, "0.80: 8.0 of 10.0 ms a second") {
		t.Error(row.got)
	}
	if d := f.day("ordinary", busyNode.name(), "es_go"); math.Abs(d.cpu-0.008) > 1e-9 {
		t.Errorf("%+v", d)
	}
}

func TestOneLoadMeasuredAgainLeavesTheOthers(t *testing.T) {
	f := ordinaryDay()
	f.add(figure{"ordinary", quietNode.name(), "es", "cpu_s", 0, 1})
	f.add(figure{part: "machine", with: "old", output: "day", metric: "text"})
	newer := figures{{"ordinary", busyNode.name(), "es", "cpu_s", 0, 2}, {part: "machine", with: "new", output: "day", metric: "text"}}
	if rest := f.withoutCases(newer); len(rest) != 1 || rest[0].with != quietNode.name() {
		t.Errorf("%+v", rest)
	}
}

func TestOutputsOfAnOrdinaryDay(t *testing.T) {
	b := &bench{authority: "/ca.pem"}
	for _, row := range []struct {
		load load
		want []string
	}{
		{busyNode, []string{"Name es\n", "Name es_go\n    Hosts h:1\n    Compress off\n    Workers 1", "Name es_go\n    Hosts h:1\n    Compress off\n    Workers 0\n    Spool_Path spool"}},
		{overTLS, []string{"tls On", "tls.ca_file /ca.pem", "Hosts https://h:1", "TLS_CA_File /ca.pem"}},
		{withGzip, []string{"Compress gzip", "Name es_go\n    Hosts h:1\n    Compress gzip"}},
	} {
		var all strings.Builder
		for _, o := range b.ordinaryOutputs(row.load) {
			all.WriteString(o.section("h:1"))
		}
		for _, want := range row.want {
			if !strings.Contains(all.String(), want) {
				t.Errorf("%s: no %q in\n%s", row.load.name(), want, all.String())
			}
		}
	}
}

func TestCurvesHaveARowALoad(t *testing.T) {
	var f figures
	for _, one := range ordinaryDay() {
		one.part, one.with = "tags", tagLoads()[1].name()
		f.add(one)
	}
	var out strings.Builder
	f.ordinaryTables(&out)
	if page := out.String(); !strings.Contains(page, "| 100 | 10.00 | 8.00 (0.80; 0.75) | 3.00 (0.30; 0.38) |") {
		t.Error(page)
	}
}

func TestTimesOf(t *testing.T) {
	for _, row := range []struct {
		cpu, es, noise float64
		want           string
	}{{1, 2, 0, "0.50"}, {3, 2, 1, "**1.50**"}, {1, 0, 0, "noise"}, {1, -1, 0, "noise"}, {1, 2, 2.5, "noise"}} {
		if got := timesOf(row.cpu, row.es, row.noise); got != row.want {
			t.Errorf("%g of %g with noise of %g: %s, want %s", row.cpu, row.es, row.noise, got, row.want)
		}
	}
}

func TestRoundsOfALoad(t *testing.T) {
	for _, row := range []struct {
		given settings
		usual int
		want  int
	}{{settings{}, 5, 9}, {settings{}, 11, 11}, {settings{quick: true}, 5, 3}, {settings{givenRounds: 2}, 5, 2}} {
		if got := row.given.roundsOf(busyNode, row.usual); got != row.want {
			t.Errorf("quick %v, -rounds %d: %d, want %d", row.given.quick, row.given.givenRounds, got, row.want)
		}
	}
}

func TestThePageNamesWhereTheBuiltInIsCheaper(t *testing.T) {
	f := ordinaryDay()
	text := func() string {
		var out strings.Builder
		f.ordinaryTables(&out)
		return out.String()
	}
	if page := text(); !strings.Contains(page, "On none of the loads above") || !strings.Contains(page, "|  | es_go | 8.00 | 0.80 | 0.75 | 3.5 |") {
		t.Error(page)
	}
	for i := range f {
		if f[i].output == spooled && f[i].metric == "cpu_s" {
			f[i].value += 0.012
		}
	}
	if page := text(); !strings.Contains(page, "| 100 files × 20 lines/s | es_go, spool | 1.50 | +5.00 |") {
		t.Error(page)
	}
}

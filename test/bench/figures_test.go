package main

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// measured is a run of which es costs 1 s, es_go 0.2 s.
func measured() figures {
	var f figures
	for round, noise := range []float64{0, 0.02, -0.01} {
		f.add(figure{"cpu", "tail", "null", "cpu_s", round, 2 + noise})
		f.add(figure{"cpu", "tail", "es", "cpu_s", round, 3 + noise})
		f.add(figure{"cpu", "tail", "es_go", "cpu_s", round, 2.2 + noise})
	}
	for _, n := range []float64{1, 10, 100} {
		with := map[float64]string{1: "tags=1", 10: "tags=10", 100: "tags=100"}[n]
		f.add(figure{"growth", with, "null", "cpu_s", 0, 1})
		f.add(figure{"growth", with, "null", "records", 0, 100_000})
		f.add(figure{"growth", with, "es_go", "cpu_s", 0, 1 + n*n/1000})
		f.add(figure{"growth", with, "es_go", "records", 0, 100_000})
	}
	return f
}

func find(t *testing.T, f figures, what string) bar {
	t.Helper()
	for _, row := range f.bars() {
		if strings.HasPrefix(row.what, what) {
			return row
		}
	}
	t.Fatalf("there is no row %q", what)
	return bar{}
}

func TestBarsAreJudgedByNetCPU(t *testing.T) {
	f := measured()
	if row := find(t, f, "backlog: CPU against `es`"); row.verdict != met || !strings.HasPrefix(row.got, "0.200: 0.20 s of 1.00 s") {
		t.Errorf("%+v", row)
	}
	for i := range f {
		if f[i].output == "es_go" && f[i].part == "cpu" {
			f[i].value += 0.1
		}
	}
	if row := find(t, f, "backlog: CPU against `es`"); row.verdict != notMet {
		t.Errorf("0.3 of es: %+v", row)
	}
	if row := find(t, f, "threads over `es`, backlog, one worker"); row.verdict != notMeasured {
		t.Errorf("%+v", row)
	}
}

func TestNetIsOverTheNullsOfTheSameRound(t *testing.T) {
	var f figures
	for round, machine := range []float64{2, 8, 4} { // slower and faster, as others work on it
		f.add(figure{"cpu", "tail", "null", "cpu_s", round, machine - 0.5})
		f.add(figure{"cpu", "tail", "es_go", "cpu_s", round, machine + 0.25})
		f.add(figure{"cpu", "tail", "null", "cpu_s", round, machine + 0.5})
		if round < 2 {
			f.add(figure{"cpu", "tail", "textbook", "cpu_s", round, machine + 16})
		}
	}
	if net := f.net("cpu", "tail", "es_go"); len(net) != 3 || f.netMedian("cpu", "tail", "es_go") != 0.25 {
		t.Errorf("es_go: %v", net)
	}
	if net := f.net("cpu", "tail", "textbook"); len(net) != 2 || f.netMedian("cpu", "tail", "textbook") != 16 {
		t.Errorf("textbook, of fewer rounds: %v", net)
	}
}

func TestQuadraticGrowthIsNotLinear(t *testing.T) {
	f := measured()
	c := f.curve("tags", "es_go", axes[1].scale)
	if slope := c.slope(); math.Abs(slope-2) > 0.01 {
		t.Errorf("slope %v of %+v", slope, c)
	}
	if row := find(t, f, "growth of the cost, as an exponent (es_go, tags)"); row.verdict != notMet {
		t.Errorf("%+v", row)
	}
}

func TestSpread(t *testing.T) {
	for _, row := range []struct {
		values []float64
		want   string
	}{{nil, "not measured"}, {[]float64{2}, "2.0"}, {[]float64{3, 1, 2}, "2.0 (1.0 to 3.0)"}, {[]float64{4, 1, 2, 3}, "2.5 (1.0 to 4.0)"}} {
		if got := spreadOf(row.values).text(1); got != row.want {
			t.Errorf("%v: %q, want %q", row.values, got, row.want)
		}
	}
}

func TestBenchmarksAreReadWithTheirUnits(t *testing.T) {
	var f figures
	f.addBenchmarks([]byte("goos: linux\nBenchmarkDocument-2   \t     411\t    804990 ns/op\t2544.30 MB/s\t       0 B/op\t       0 allocs/op\n" +
		"BenchmarkBesideCopy-2 \t 233\t 27123 copied-MB/s\t 33012 copied-piecewise-MB/s\t 7.5 copies\t 9.25 piecewise-copies\t 3 B/op\t 0 allocs/op\n" +
		"BenchmarkBesideCopy-2 \t 233\t 27123 copied-MB/s\t 33012 copied-piecewise-MB/s\t 8.5 copies\t 9.75 piecewise-copies\t 3 B/op\t 0 allocs/op\nPASS\n"))
	for _, row := range []struct {
		name, metric string
		want         float64
	}{
		{"Document", "mb_per_s", 2544.3}, {"Document", "allocations", 0}, {"Copy", "mb_per_s", 27123}, {"CopyPiecewise", "mb_per_s", 33012},
		{"BesideCopy", "copies", 8}, {"BesideCopy", "piecewise_copies", 9.5},
	} {
		if got := f.encode(row.name, row.metric).median; got != row.want {
			t.Errorf("%s, %s: %v, want %v", row.name, row.metric, got, row.want)
		}
	}
	if row := f.encodeBars()[0]; row.verdict != met || row.got != "1/8.0 (7.5 to 8.5); against copying them in pieces 1/9.5 (9.2 to 9.8)" {
		t.Errorf("%v: %s", row.verdict, row.got)
	}
}

func TestFiguresSurviveTheirFile(t *testing.T) {
	f := measured()
	f.add(figure{"cpu", "tail", "es, gzip", "cpu_s", 0, 10633.4999})
	path := filepath.Join(t.TempDir(), "figures.csv")
	var text bytes.Buffer
	if err := f.write(&text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readFigures(path)
	if err != nil || !slices.Equal(got, f) {
		t.Errorf("%v, %v, want %v", got, err, f)
	}
	if rest := f.without([]string{"cpu"}); len(rest) != 12 {
		t.Errorf("%d figures without those of cpu, want 12", len(rest))
	}
	if none, err := readFigures(path + ".none"); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}

func TestThePageKeepsWhatWasWrittenByHand(t *testing.T) {
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, "benchmarks"), 0o755); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(docs, "benchmarks.md")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + reportBegins + "old\n" + reportEnds + "after\n")
	for range 2 {
		if err := measured().report(docs); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); !strings.HasPrefix(s, "before\n") || !strings.HasSuffix(s, "after\n") || strings.Contains(s, "old\n") || !strings.Contains(s, "| 0.200; gzip not measured |") {
		t.Error(s)
	}
	write("no marks")
	if err := measured().report(docs); err == nil {
		t.Error("a page without marks was written")
	}
}

var update = flag.Bool("update", false, "write docs/benchmarks.md anew from its figures")

// TestThePageHasTheFiguresOfItsFile compares docs/benchmarks.md with docs/benchmarks/figures.csv.
func TestThePageHasTheFiguresOfItsFile(t *testing.T) {
	const docs = "../../docs"
	f, err := readFigures(filepath.Join(docs, "benchmarks", "figures.csv"))
	if err != nil || len(f) == 0 {
		t.Fatalf("%d figures: %v", len(f), err)
	}
	if *update {
		if err := f.report(docs); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), reportBegins)
	if tables, _, _ := strings.Cut(rest, reportEnds); tables != f.tables() {
		t.Error("docs/benchmarks.md is not that of its figures: go test ./test/bench -update")
	}
}

func TestTheCommitOfEachCaseIsPrinted(t *testing.T) {
	f := figures{{"state of cpu", "tail", "abc", "2026-11-28", 0, 0}, {"state of memory", "a", "abc", "2026-11-28", 0, 0}, {"state of memory", "b", "def", "2026-11-29", 0, 0}}
	for part, want := range map[string]string{
		"cpu":    "`make bench PARTS=cpu DOCS=docs`: commit abc, 2026-11-28.",
		"memory": "`make bench PARTS=memory DOCS=docs`: commit abc, 2026-11-28; commit def, 2026-11-29 (b).",
		"real":   "`make bench PARTS=real DOCS=docs`.",
	} {
		if got := f.origin(part); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if rest := f.without([]string{"memory"}); len(rest) != 1 {
		t.Errorf("%+v", rest)
	}
	if rest := f.withoutCases(f[1:2]); len(rest) != 2 {
		t.Errorf("%+v", rest)
	}
}

func TestBarsOfVariantsShareARow(t *testing.T) {
	var out strings.Builder
	barTable(&out, []bar{
		{what: "memory (es_go)", bar: "at most 4", goal: "3", got: "2: of 5", verdict: met, reached: true},
		{what: "floor (ready-made)", got: "1", verdict: told},
		{what: "memory (es_go, spool)", bar: "at most 4", goal: "3", got: "5", verdict: notMet},
		{what: "memory (es_go, gzip)", bar: "at most 9", verdict: notMeasured},
	})
	if got, want := out.String(), "\n| memory | ≤ 4 (3); gzip ≤ 9 | 2 (goal); spool **5**; gzip not measured |\n"; !strings.HasSuffix(got, want) || strings.Contains(got, "floor") {
		t.Error(got)
	}
}

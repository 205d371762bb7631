// Command bench measures the plugin's cost to the agent, beside the built-in es, a textbook Go
// plugin and the floor: make bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"out_es/test/fluentbit"
)

// settings are the flags.
type settings struct {
	parts  []string
	quick  bool
	rounds int
	// givenRounds are those of the flag; 0: it was not given.
	givenRounds int
	loads       []string
	csv         string
	docs        string
}

// scaled is a number of records, or a fifth of it in the quick form.
func (s settings) scaled(count int) int {
	if s.quick {
		return count / 5
	}
	return count
}

// part is one piece of the run that can be had alone.
type part struct {
	name    string
	agent   bool // it needs Fluent Bit
	measure func(*bench) error
}

// parts are all of them, in the order in which they are measured.
var parts = []part{
	{"ordinary", true, (*bench).measureOrdinary},
	{"tags", true, (*bench).measureTags},
	{"rate", true, (*bench).measureRate},
	{"encode", false, (*bench).measureEncode},
	{"start", true, (*bench).measureStart},
	{"memory", true, (*bench).measureMemory},
	{"cpu", true, (*bench).measureCPU},
	{"large", true, (*bench).measureLarge},
	{"real", true, (*bench).measureReal},
	{"growth", true, (*bench).measureGrowth},
}

func main() {
	b := &bench{datasets: make(map[string]string)}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	chosen := flag.String("parts", "", "which parts to measure, separated by commas: "+strings.Join(names, ", ")+" (default: all)")
	loads := flag.String("loads", "", "which loads of ordinary, tags and rate, by their keys: 100x20, 30x2, 3ms, tls, gzip; or numbers of tags and rates (default: all, or the first two with -quick)")
	flag.BoolVar(&b.quick, "quick", false, "a fifth of the records and fewer rounds: for development")
	flag.IntVar(&b.rounds, "rounds", 0, "rounds of each pair (default 7, or 3 with -quick)")
	flag.StringVar(&b.esGo, "plugin", "out_es.so", "the plugin to measure")
	flag.StringVar(&b.csv, "csv", "", "file that gets the figures; those of other parts stay in it")
	flag.StringVar(&b.docs, "docs", "", "folder whose benchmarks.md, plots and figures are written anew")
	flag.Parse()
	b.givenRounds = b.rounds
	if b.rounds == 0 {
		b.rounds = 7
		if b.quick {
			b.rounds = 3
		}
	}
	if b.docs != "" {
		b.csv = filepath.Join(b.docs, "benchmarks", "figures.csv")
	}
	if *loads != "" {
		b.loads = strings.Split(*loads, ",")
	}
	b.parts = names
	if *chosen != "" {
		b.parts = strings.Split(*chosen, ",")
	}
	for _, name := range b.parts {
		if !slices.Contains(names, name) {
			fmt.Fprintf(os.Stderr, "bench: there is no part %q; parts are %s\n", name, strings.Join(names, ", "))
			os.Exit(2)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b.Context = ctx
	if err := b.all(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// all measures the chosen parts.
func (b *bench) all() (err error) {
	if b.folder, err = os.MkdirTemp("", "out_es-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	if b.esGo, err = filepath.Abs(b.esGo); err != nil {
		return err
	}
	if b.fluentBit, err = fluentbit.Find(); err == nil && runtime.GOOS != "linux" {
		err = errors.New("memory and threads are read from /proc, which only Linux has")
	}
	if err != nil {
		b.fluentBit = ""
		b.say("only the parts without an agent are measured: %v", err)
	} else if err := b.build(); err != nil {
		return err
	}
	for _, p := range parts {
		if !slices.Contains(b.parts, p.name) || p.agent && b.fluentBit == "" {
			continue
		}
		if err := p.measure(b); err != nil {
			if len(b.loads) > 0 { // whole loads that were measured before it count
				b.addMachine()
				err = errors.Join(err, b.keep())
			}
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.addMachine()
	printBars(os.Stdout, b.figures.bars())
	return b.keep()
}

// onlyOrdinary reports whether only parts of the ordinary day are measured, which need no textbook
// plugin.
func (b *bench) onlyOrdinary() bool {
	return !slices.ContainsFunc(b.parts, func(name string) bool { return name != "ordinary" && name != "tags" && name != "rate" })
}

// keep writes the figures, leaves those of parts that were not measured, and
// writes the page from all of them.
func (b *bench) keep() error {
	if b.csv == "" {
		return nil
	}
	all, err := readFigures(b.csv)
	if err != nil {
		return err
	}
	measured := append(slices.Clone(b.parts), "machine")
	if slices.Contains(measured, "memory") {
		measured = append(measured, "timeline")
	}
	if len(b.loads) > 0 {
		all = all.withoutCases(b.figures)
	} else {
		all = all.without(measured)
	}
	all = append(all, b.figures...)
	file, err := os.Create(b.csv)
	if err != nil {
		return err
	}
	if err := all.write(file); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil || b.docs == "" {
		return err
	}
	return all.report(b.docs)
}

// say prints a line of progress.
func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", values...)
}

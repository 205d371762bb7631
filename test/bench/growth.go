package main

import (
	"fmt"
	"path/filepath"

	"out_es/test/bench/records"
)

// point is one place on a curve of cost.
type point struct {
	with  string // the axis, as in "tags=100"
	count int    // records
	files int    // of one tag each
	times int    // instances of the output
	kind  string
	maker records.Maker
}

// growthFields are the fields of all records of a point of that curve
// together: fewer records where they have more.
const growthFields = 1_500_000

// growthPoints are those of all curves.
func growthPoints() []point {
	var all []point
	for _, n := range []int{10_000, 30_000, 100_000, 200_000} {
		all = append(all, point{fmt.Sprintf("records=%d", n), n, tablePods, 1, "kubernetes", records.Kubernetes})
	}
	for _, n := range []int{1, 10, 100, 1000} {
		all = append(all, point{fmt.Sprintf("tags=%d", n), 100_000, n, 1, "kubernetes", records.Kubernetes})
	}
	for _, n := range []int{1, 2, 5, 10} {
		all = append(all, point{fmt.Sprintf("instances=%d", n), 50_000, tablePods, n, "kubernetes", records.Kubernetes})
	}
	for _, n := range []int{5, 20, 100, 500} {
		all = append(all, point{fmt.Sprintf("fields=%d", n), growthFields / n, tablePods, 1, fmt.Sprintf("flat%d", n), records.Flat(n)})
	}
	return all
}

// measureGrowth measures CPU along four axes.
func (b *bench) measureGrowth() error {
	rounds := min(b.rounds, 3)
	for round := range rounds {
		for _, p := range growthPoints() {
			if b.quick {
				p.count /= 5
			}
			if err := b.grow(p, round); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) grow(p point, round int) error {
	folder, err := b.dataset(p.kind, p.count, p.files, p.maker)
	if err != nil {
		return err
	}
	for _, o := range []output{null(), builtIn(""), b.ours("")} {
		r, err := b.try(trial{output: o, times: p.times, in: input{path: filepath.Join(folder, "*.log")}})
		if err != nil {
			return fmt.Errorf("%s: %w", p.with, err)
		}
		if o.name != "null" && r.Documents != p.count*p.times {
			return fmt.Errorf("%s: %s: the sink took %d documents of %d", p.with, o.name, r.Documents, p.count*p.times)
		}
		b.figures.add(figure{"growth", p.with, o.name, "cpu_s", round, r.CPU().Seconds()})
		b.figures.add(figure{"growth", p.with, o.name, "records", round, float64(p.count)})
		b.say("growth %d %-15s %-6s %.2f s of CPU, %d requests", round+1, p.with, o.name, r.CPU().Seconds(), r.Requests)
	}
	return nil
}

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// curve is an output's CPU along an axis.
type curve struct{ x, y []float64 }

// curve returns the net seconds of CPU along an axis, scaled by the number of each point's records.
func (f figures) curve(axis, output string, scale func(x, seconds, records float64) float64) curve {
	var c curve
	for _, with := range f.cases("growth") {
		name, number, _ := strings.Cut(with, "=")
		x, err := strconv.ParseFloat(number, 64)
		if name != axis || err != nil {
			continue
		}
		records := spreadOf(f.values("growth", with, output, "records")).median
		c.x = append(c.x, x)
		c.y = append(c.y, scale(x, f.netMedian("growth", with, output), records))
	}
	return c
}

// slope is by how much y grows with x, as an exponent: 1 is linear.
func (c curve) slope() float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range c.x {
		if c.y[i] <= 0 {
			continue // less than the noise of the agent alone
		}
		x, y := math.Log(c.x[i]), math.Log(c.y[i])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if n < 2 {
		return math.NaN()
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// axes of growth, with the titles of their plots.
var axes = []struct {
	name, unit string
	scale      func(x, seconds, records float64) float64
}{
	{"records", "seconds of CPU", func(x, seconds, records float64) float64 { return seconds }},
	{"tags", "seconds of CPU for 100,000 records", func(x, seconds, records float64) float64 { return seconds * 100_000 / records }},
	{"instances", "seconds of CPU for 50,000 records", func(x, seconds, records float64) float64 { return seconds * 50_000 / records }},
	{"fields", "microseconds of CPU a record", func(x, seconds, records float64) float64 { return seconds * 1e6 / records }},
}

// slopeLimit is linear, with room for the noise of a few rounds.
const slopeLimit = 1.15

func (f figures) growthBars() []bar {
	var rows []bar
	for _, axis := range axes {
		slope := f.curve(axis.name, "es_go", axis.scale).slope()
		rows = append(rows, bar{what: "growth of the cost, as an exponent (es_go, " + axis.name + ")", bar: "linear or better", got: fmt.Sprintf("%.2f", slope), verdict: atMost(slope, slopeLimit)})
	}
	return rows
}

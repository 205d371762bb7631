package main

import (
	"fmt"
	"math"
	"strings"

	"out_es/test/support/chart"
)

const drawnBy = "make bench"

// drawn are the outputs that plots show, with their colours.
var drawn = []struct{ output, class, line string }{
	{"es", "bad", "badline"},
	{"es_go", "good", "goodline"},
}

// legend names the colours in one line.
func legend(c *chart.Chart, y float64, names ...string) {
	x := chart.Right - 130*float64(len(names))
	for i, name := range names {
		c.Add(`<rect x="%.1f" y="%.1f" width="10" height="10" class="%s"/>`, x, y-9, drawn[i].class)
		c.Write(x+15, y, "faint", "start", name)
		x += 130
	}
}

// drawCPU draws the net CPU of each output as a bar.
func (f figures) drawCPU() string {
	outputs := []string{"ready-made", "es_go", "es", "ready-made, gzip", "es_go, gzip", "es, gzip", "textbook", "textbook, gzip"}
	c := &chart.Chart{Made: drawnBy, Height: 70 + 34*len(outputs), Title: "CPU of the output alone, 300,000 Kubernetes records",
		Text: "Seconds of CPU of the agent with each output, less those of the agent with null: median, and a line from the least to the most. The textbook plugin's bars are cut."}
	longest := 1.1 * max(f.netMedian("cpu", "tail", "es, gzip"), f.netMedian("cpu", "tail", "es"), 0.01)
	const left = 150.0
	x := func(seconds float64) float64 {
		return left + (chart.Right-60-left)*min(max(seconds, 0)/longest, 1)
	}
	for i, o := range outputs {
		y := 50 + 34*float64(i)
		c.Write(left-10, y+14, "ink", "end", o)
		net := f.netMedian("cpu", "tail", o)
		if math.IsNaN(net) {
			c.Write(left, y+14, "faint", "start", "not measured")
			continue
		}
		class := "quiet"
		for _, d := range drawn {
			if strings.TrimSuffix(o, ", gzip") == d.output {
				class = d.class
			}
		}
		around := spreadOf(f.net("cpu", "tail", o))
		c.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="20" class="%s"/>`, left, y, x(net)-left, class)
		c.Line(x(around.low), y+10, x(around.high), y+10, "axis")
		c.Write(max(x(net), x(around.high))+6, y+14, "ink", "start", fmt.Sprintf("%.2f s", net))
	}
	return c.SVG()
}

// plane is a part of a chart with both axes logarithmic.
type plane struct {
	*chart.Chart
	left, right, top, bottom float64
	xFrom, xTo, yFrom, yTo   float64
}

func share(value, from, to float64) float64 {
	return (math.Log(max(value, from)) - math.Log(from)) / (math.Log(to) - math.Log(from))
}

func (p plane) x(value float64) float64 {
	return p.left + (p.right-p.left)*share(value, p.xFrom, p.xTo)
}

func (p plane) y(value float64) float64 {
	return p.bottom - (p.bottom-p.top)*share(value, p.yFrom, p.yTo)
}

// drawGrowth draws cost along the four axes.
func (f figures) drawGrowth() string {
	c := &chart.Chart{Made: drawnBy, Height: 560, Title: "CPU of the output alone as things grow (logarithmic)",
		Text: "Four curves of es and es_go: CPU by records, by tags, by instances and by fields a record. A straight line at 45 degrees is linear."}
	legend(c, 24, "es", "es_go")
	for i, axis := range axes {
		left, top := 60+375*float64(i%2), 80+250*float64(i/2)
		f.drawCurves(plane{Chart: c, left: left, right: left + 305, top: top, bottom: top + 160}, i, axis.name)
	}
	return c.SVG()
}

func (f figures) drawCurves(p plane, i int, name string) {
	axis := axes[i]
	ours, theirs := f.curve(name, "es_go", axis.scale), f.curve(name, "es", axis.scale)
	p.Write(p.left-40, p.top-12, "faint", "start", axis.unit)
	p.Write((p.left+p.right)/2, p.bottom+36, "faint", "middle", name)
	if len(ours.x) < 2 {
		p.Write((p.left+p.right)/2, (p.top+p.bottom)/2, "faint", "middle", "not measured")
		return
	}
	p.xFrom, p.xTo = ours.x[0], ours.x[len(ours.x)-1]
	p.yFrom, p.yTo = math.Inf(1), math.Inf(-1)
	for _, y := range append(append([]float64(nil), ours.y...), theirs.y...) {
		if y > 0 {
			p.yFrom, p.yTo = min(p.yFrom, y), max(p.yTo, y)
		}
	}
	if math.IsInf(p.yFrom, 1) {
		return
	}
	p.yFrom, p.yTo = math.Pow(10, math.Floor(math.Log10(p.yFrom))), math.Pow(10, math.Ceil(math.Log10(p.yTo)+1e-9))
	for mark := p.yFrom; mark <= p.yTo*1.001; mark *= 10 {
		p.Line(p.left, p.y(mark), p.right, p.y(mark), "grid")
		p.Write(p.left-8, p.y(mark)+4, "faint", "end", fmt.Sprintf("%.4g", mark))
	}
	for _, mark := range ours.x {
		p.Line(p.x(mark), p.bottom, p.x(mark), p.bottom+4, "axis")
		p.Write(p.x(mark), p.bottom+18, "faint", "middle", fmt.Sprintf("%.0f", mark))
	}
	p.Line(p.left, p.top, p.left, p.bottom, "axis")
	p.Line(p.left, p.bottom, p.right, p.bottom, "axis")
	for i, one := range []curve{theirs, ours} {
		for n := range one.x {
			if one.y[n] <= 0 {
				continue // below the noise of the agent alone
			}
			p.Add(`<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`, p.x(one.x[n]), p.y(one.y[n]), drawn[i].class)
			if n > 0 && one.y[n-1] > 0 {
				p.Line(p.x(one.x[n-1]), p.y(one.y[n-1]), p.x(one.x[n]), p.y(one.y[n]), drawn[i].line)
			}
		}
	}
}

// drawAway draws memory second by second while Elasticsearch is away.
func (f figures) drawAway() string {
	c := &chart.Chart{Made: drawnBy, Height: 330, Title: "Resident memory while Elasticsearch is away",
		Text: "Resident memory of agents that take 2,000 records a second; the band is the minute in which the server is gone."}
	legend(c, 46, "es", "es_go")
	const top, bottom, most = 70.0, 280.0, 80.0
	end := (awayBefore + awayLong + awayAfter).Seconds()
	x := func(second float64) float64 { return chart.Left + (chart.Right-chart.Left)*min(second/end, 1) }
	y := func(kb float64) float64 { return bottom - (bottom-top)*min(megabytes(kb)/most, 1) }
	c.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="band"/>`, x(awayBefore.Seconds()), top, x(awayLong.Seconds())-x(0), bottom-top)
	for mark := 0.0; mark <= most; mark += 20 {
		height := bottom - (bottom-top)*mark/most
		c.Line(chart.Left, height, chart.Right, height, "grid")
		c.Write(chart.Left-8, height+4, "faint", "end", fmt.Sprintf("%.0f", mark))
	}
	for second := 0.0; second <= end; second += 10 {
		c.Write(x(second), bottom+18, "faint", "middle", fmt.Sprintf("%.0f", second))
	}
	c.Write((chart.Left+chart.Right)/2, bottom+38, "faint", "middle", "seconds since the agents' start")
	c.Write(chart.Left-44, top-8, "faint", "start", "MB")
	for _, d := range drawn {
		var path strings.Builder
		for _, one := range f {
			if one.part == "timeline" && one.with == "away" && one.output == d.output {
				verb := "L"
				if path.Len() == 0 {
					verb = "M"
				}
				fmt.Fprintf(&path, "%s%.1f %.1f", verb, x(float64(one.round)), y(one.value))
			}
		}
		c.Add(`<path d="%s" fill="none" stroke-width="1.6" class="%s"/>`, path.String(), d.line)
	}
	return c.SVG()
}

package simulate

import (
	"fmt"
	"math"
	"time"

	"out_es/test/support/chart"
)

// made is the command that draws the plots.
const made = "go test ./test/simulate -update"

// span is the time that a chart shows, from left to right.
type span struct{ from, to time.Duration }

func (s span) x(at time.Duration) float64 {
	return chart.Left + (chart.Right-chart.Left)*float64(at-s.from)/float64(s.to-s.from)
}

// panel is a part of a chart with a y axis of its own.
type panel struct {
	*chart.Chart
	span
	top, bottom float64
	max         float64
	logarithmic bool // from 1 to max
}

func (p panel) y(value float64) float64 {
	part := value / p.max
	if p.logarithmic {
		part = math.Log10(math.Max(value, 1)) / math.Log10(p.max)
	}
	return p.bottom - (p.bottom-p.top)*math.Min(part, 1)
}

// axes draws the outage as a band, the grid, and the y axis with its unit.
func (p panel) axes(outage time.Duration, unit string, marks ...float64) {
	p.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="band"/>`, p.x(0), p.top, p.x(outage)-p.x(0), p.bottom-p.top)
	for _, mark := range marks {
		p.Line(chart.Left, p.y(mark), chart.Right, p.y(mark), "grid")
		p.Write(chart.Left-8, p.y(mark)+4, "faint", "end", fmt.Sprintf("%g", mark))
	}
	p.Line(chart.Left, p.top, chart.Left, p.bottom, "axis")
	p.Line(chart.Left, p.bottom, chart.Right, p.bottom, "axis")
	p.Write(chart.Left-44, p.top-9, "faint", "start", unit)
}

// minutes draws the x axis below a panel.
func (p panel) minutes() {
	for at := p.from.Truncate(time.Minute); at <= p.to; at += time.Minute {
		p.Line(p.x(at), p.bottom, p.x(at), p.bottom+4, "axis")
		p.Write(p.x(at), p.bottom+18, "faint", "middle", fmt.Sprintf("%.0f", at.Minutes()))
	}
	p.Write((chart.Left+chart.Right)/2, p.bottom+36, "faint", "middle", "minutes since Elasticsearch went away")
}

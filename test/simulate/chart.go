package simulate

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// chart is an SVG drawing, 760 wide. Coordinates have one digit behind the
// point, so that no machine's rounding changes a file.
type chart struct {
	body   strings.Builder
	height int
	title  string
	text   string // what it shows, for those who don't see it
}

const (
	chartWidth = 760.0
	leftEdge   = 60.0
	rightEdge  = 742.0
)

// style has the colours of both modes. The ground is part of the drawing, so
// that it is readable wherever it is shown.
const style = `<style>
  .ground { fill: #ffffff } .ink { fill: #1f2328 } .faint { fill: #59636e }
  .axis { stroke: #59636e } .grid { stroke: #d1d9e0; stroke-width: 0.6 } .band { fill: #f3f0ea }
  .bad { fill: #bc4c00 } .good { fill: #0969da } .quiet { fill: #8c959f }
  .badline { stroke: #bc4c00 } .goodline { stroke: #0969da } .limit { stroke: #1f2328; stroke-dasharray: 5 4 }
  .ring { fill: none; stroke: #bc4c00; stroke-width: 1.4 }
  text { font: 12px system-ui, sans-serif } .big { font-size: 14px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .ink { fill: #f0f6fc } .faint { fill: #9198a1 }
    .axis { stroke: #9198a1 } .grid { stroke: #3d444d } .band { fill: #1c1a15 }
    .bad { fill: #f0883e } .good { fill: #58a6ff } .quiet { fill: #6e7681 }
    .badline { stroke: #f0883e } .goodline { stroke: #58a6ff } .limit { stroke: #f0f6fc }
    .ring { stroke: #f0883e }
  }
</style>
`

func (c *chart) add(format string, values ...any) { fmt.Fprintf(&c.body, format+"\n", values...) }

func (c *chart) write(x, y float64, class, anchor, text string) {
	c.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, text)
}

func (c *chart) line(x1, y1, x2, y2 float64, class string) {
	c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// svg is the whole file.
func (c *chart) svg() string {
	var out strings.Builder
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" role=\"img\" aria-labelledby=\"title text\">\n", chartWidth, c.height)
	fmt.Fprintf(&out, "<title id=\"title\">%s</title>\n<desc id=\"text\">%s</desc>\n", c.title, c.text)
	out.WriteString("<!-- Drawn by `go test ./test/simulate -update`. -->\n" + style)
	fmt.Fprintf(&out, "<rect width=\"%.0f\" height=\"%d\" class=\"ground\"/>\n", chartWidth, c.height)
	fmt.Fprintf(&out, "<text x=\"16\" y=\"24\" class=\"ink big\">%s</text>\n", c.title)
	out.WriteString(c.body.String() + "</svg>\n")
	return out.String()
}

// span is the time that a chart shows, from left to right.
type span struct{ from, to time.Duration }

func (s span) x(at time.Duration) float64 {
	return leftEdge + (rightEdge-leftEdge)*float64(at-s.from)/float64(s.to-s.from)
}

// panel is a part of a chart with a y axis of its own.
type panel struct {
	*chart
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
	p.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="band"/>`, p.x(0), p.top, p.x(outage)-p.x(0), p.bottom-p.top)
	for _, mark := range marks {
		p.line(leftEdge, p.y(mark), rightEdge, p.y(mark), "grid")
		p.write(leftEdge-8, p.y(mark)+4, "faint", "end", fmt.Sprintf("%g", mark))
	}
	p.line(leftEdge, p.top, leftEdge, p.bottom, "axis")
	p.line(leftEdge, p.bottom, rightEdge, p.bottom, "axis")
	p.write(leftEdge-44, p.top-9, "faint", "start", unit)
}

// minutes draws the x axis below a panel.
func (p panel) minutes() {
	for at := p.from.Truncate(time.Minute); at <= p.to; at += time.Minute {
		p.line(p.x(at), p.bottom, p.x(at), p.bottom+4, "axis")
		p.write(p.x(at), p.bottom+18, "faint", "middle", fmt.Sprintf("%.0f", at.Minutes()))
	}
	p.write((leftEdge+rightEdge)/2, p.bottom+36, "faint", "middle", "minutes since Elasticsearch went away")
}

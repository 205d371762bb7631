// Package chart draws the plots of docs as SVG, readable on a light and on a
// dark page.
package chart

import (
	"fmt"
	"strings"
)

// Chart is an SVG drawing, Width wide. Coordinates have one digit behind the
// point, so that no machine's rounding changes a file. Texts are not escaped.
type Chart struct {
	Height int
	Title  string
	Text   string // a description for readers who can't see it
	Made   string // the command that draws it
	body   strings.Builder
}

// The width of a chart, and the edges of its plot.
const (
	Width = 760.0
	Left  = 60.0
	Right = 742.0
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

// Add appends an element.
func (c *Chart) Add(format string, values ...any) { fmt.Fprintf(&c.body, format+"\n", values...) }

// Write appends a text; anchor is start, middle or end.
func (c *Chart) Write(x, y float64, class, anchor, text string) {
	c.Add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, text)
}

// Line appends a line.
func (c *Chart) Line(x1, y1, x2, y2 float64, class string) {
	c.Add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// SVG is the whole file.
func (c *Chart) SVG() string {
	var out strings.Builder
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" role=\"img\" aria-labelledby=\"title text\">\n", Width, c.Height)
	fmt.Fprintf(&out, "<title id=\"title\">%s</title>\n<desc id=\"text\">%s</desc>\n", c.Title, c.Text)
	fmt.Fprintf(&out, "<!-- Drawn by `%s`. -->\n%s", c.Made, style)
	fmt.Fprintf(&out, "<rect width=\"%.0f\" height=\"%d\" class=\"ground\"/>\n", Width, c.Height)
	fmt.Fprintf(&out, "<text x=\"16\" y=\"24\" class=\"ink big\">%s</text>\n", c.Title)
	out.WriteString(c.body.String() + "</svg>\n")
	return out.String()
}

package simulate

import (
	"fmt"
	"strings"
	"time"

	"out_es/test/support/chart"
)

// DrawSchedule draws one agent: the pause before each of its requests, and the flushes that the
// gate turns away.
func DrawSchedule(s Scenario, trace *Trace) string {
	c := &chart.Chart{Made: made, Height: 420, Title: "One agent through an outage of ten minutes",
		Text: "Above: each bulk request by the pause before it. In the outage pauses grow to half a minute and stay there. Below: flushes that were answered without a request."}
	shown := span{-s.Calm, s.Outage + s.After}
	above := panel{Chart: c, span: shown, top: 74, bottom: 264, max: 40}
	above.axes(s.Outage, "seconds since the request before", 0, 10, 20, 30, 40)
	above.Line(chart.Left, above.y(30), chart.Right, above.y(30), "limit")
	above.Write(chart.Right-4, above.y(30)-5, "ink", "end", "Retry_Max")
	above.Write(above.x(s.Outage/2), above.top+14, "faint", "middle", "connections are refused")
	legend(c, 46)
	last := shown.from
	for i, r := range trace.Requests {
		pause := (r.At - last).Seconds()
		last = r.At
		switch {
		case i == 0:
		case r.Answered:
			c.Add(`<circle cx="%.1f" cy="%.1f" r="2.2" class="good"/>`, above.x(r.At), above.y(pause))
		default:
			c.Add(`<circle cx="%.1f" cy="%.1f" r="3.2" class="ring"/>`, above.x(r.At), above.y(pause))
		}
	}
	below := panel{Chart: c, span: shown, top: 308, bottom: 368, max: 30}
	below.axes(s.Outage, "flushes in 5 s that the gate turned away (no request)", 0, 15, 30)
	below.bars(turnedAway(trace), 5*time.Second)
	below.minutes()
	return c.SVG()
}

func legend(c *chart.Chart, y float64) {
	c.Add(`<circle cx="%.1f" cy="%.1f" r="3.2" class="ring"/>`, chart.Right-190, y-4)
	c.Write(chart.Right-180, y, "faint", "start", "refused")
	c.Add(`<circle cx="%.1f" cy="%.1f" r="2.8" class="good"/>`, chart.Right-110, y-4)
	c.Write(chart.Right-100, y, "faint", "start", "answered")
}

// turnedAway are the moments of the flushes that made no request.
func turnedAway(trace *Trace) []time.Duration {
	var all []time.Duration
	for _, f := range trace.Flushes {
		if f.Requests == 0 && !f.Done {
			all = append(all, f.At)
		}
	}
	return all
}

// bars draws how many moments fall into each bin.
func (p panel) bars(moments []time.Duration, bin time.Duration) {
	counts := make([]float64, int((p.to-p.from)/bin))
	for _, at := range moments {
		if i := int((at - p.from) / bin); i >= 0 && i < len(counts) {
			counts[i]++
		}
	}
	for i, n := range counts {
		if left := p.x(p.from + time.Duration(i)*bin); n > 0 {
			p.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="quiet"/>`,
				left, p.y(n), p.x(p.from+time.Duration(i+1)*bin)-left-0.6, p.bottom-p.y(n))
		}
	}
}

// DrawHerd draws the requests a second that all agents make together.
func DrawHerd(s Scenario, herd Herd) string {
	c := &chart.Chart{Made: made, Height: 360, Title: fmt.Sprintf("%d agents through the same outage", s.Agents),
		Text: "Bulk requests a second at the cluster, on a logarithmic scale. In the outage far fewer than usual; afterwards the queued chunks come over one scheduler.cap."}
	p := panel{Chart: c, span: span{-s.Calm, s.Outage + s.After}, top: 74, bottom: 308, max: 10_000, logarithmic: true}
	p.axes(s.Outage, "bulk requests a second, of all agents (logarithmic)", 1, 10, 100, 1000, 10_000)
	p.steps(herd.Refused, herd.From, "bad")
	p.steps(herd.Answered, herd.From, "good")
	p.minutes()
	p.Write(p.x(s.Outage/2), p.y(6), "ground", "middle", fmt.Sprintf("refused: %.0f a second", herd.MeanRefused(s)))
	p.Write(p.x(s.Outage)-6, p.y(herd.Steady(s))-6, "ink", "end", fmt.Sprintf("steady rate: %.0f a second", herd.Steady(s)))
	p.Line(chart.Left, p.y(herd.Steady(s)), chart.Right, p.y(herd.Steady(s)), "limit")
	peak, at := herd.Peak()
	p.Write(p.x(at)-8, p.y(peak)-2, "ink", "end", fmt.Sprintf("answered: up to %.0f a second, %.0f s after the outage", peak, (at-s.Outage).Seconds()))
	return c.SVG()
}

// steps draws values a second as a filled outline.
func (p panel) steps(values []float64, from time.Duration, class string) {
	var path strings.Builder
	open := false
	for i, v := range values {
		left, right := p.x(from+time.Duration(i)*time.Second), p.x(from+time.Duration(i+1)*time.Second)
		switch {
		case v == 0 && open:
			fmt.Fprintf(&path, "V%.1fZ", p.bottom)
			open = false
		case v > 0 && !open:
			fmt.Fprintf(&path, "M%.1f %.1fV%.1fH%.1f", left, p.bottom, p.y(v), right)
			open = true
		case v > 0:
			fmt.Fprintf(&path, "V%.1fH%.1f", p.y(v), right)
		}
	}
	if open {
		fmt.Fprintf(&path, "V%.1fZ", p.bottom)
	}
	p.Add(`<path d="%s" class="%s" fill-opacity="0.75"/>`, path.String(), class)
}
